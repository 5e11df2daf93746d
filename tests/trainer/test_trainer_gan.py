import math

import numpy as np
import pytest
import torch
from gan_fakes import SIDE, gan_recipe, people, shrink

from ferdesk.core.preprocess import normalise
from trainer.augment import (
    PATCH_ANGLES,
    PATCH_PLACES,
    PATCH_SHIFT,
    PATCHES,
    augment,
    draw,
    patch_maps,
    warp,
)
from trainer.datasets.base import DROPPED
from trainer.errors import TrainError
from trainer.gan.losses import discriminator_loss, generator_loss
from trainer.gan.nets import FAKE, SPAN, Answers, Discriminator, Generator
from trainer.gan.people import code_of, one_hot, people_of
from trainer.gan.pictures import grid, to_grey, transfer
from trainer.gan.schedule import Balance, told_apart
from trainer.losses import Weighted, batch_loss, whole_loss
from trainer.nets import build_net
from trainer.nets.ali2020 import FEATURES, LOSS_WEIGHTS, STAGES, Encoder, initialise

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    shrink(monkeypatch)


def logit(*shares):
    """Logits whose softmax is these shares."""
    return torch.tensor([[math.log(share) for share in row] for row in shares])


def nine(label, share):
    """A row of nine: `share` for the label, the rest evenly among the others."""
    return tuple(share if place == label else (1 - share) / 8 for place in range(9))


def test_equation_1_by_hand():
    real = Answers(logit(nine(1, 0.5), nine(4, 0.25)), logit((0.8, 0.2), (0.1, 0.9)))
    fake = Answers(logit(nine(FAKE, 0.5), nine(0, 0.6)), logit((0.5, 0.5), (0.5, 0.5)))
    expression, identity = torch.tensor([1, 4]), torch.tensor([0, 0])
    by_hand = -(
        (math.log(0.5) + math.log(0.25)) / 2
        + (math.log(0.8) + math.log(0.1)) / 2
        + (math.log(0.5) + math.log(0.05)) / 2
    )
    assert float(discriminator_loss(real, fake, expression, identity)) == pytest.approx(by_hand)


def test_equation_1_with_one_sided_smoothing_by_hand():
    real = Answers(logit(nine(1, 0.5)), logit((0.8, 0.2)))
    fake = Answers(logit(nine(FAKE, 0.5)), logit((0.5, 0.5)))
    by_hand = -(0.9 * math.log(0.5) + 0.1 * math.log(0.5 / 8) + math.log(0.8) + math.log(0.5))
    found = discriminator_loss(real, fake, torch.tensor([1]), torch.tensor([0]), 0.9)
    assert float(found) == pytest.approx(by_hand)


def test_equation_2_by_hand():
    fake = Answers(logit(nine(2, 0.3), nine(5, 0.2)), logit((0.8, 0.2), (0.1, 0.9)))
    found = generator_loss(fake, torch.tensor([2, 5]), torch.tensor([1, 1]))
    by_hand = -((math.log(0.3) + math.log(0.2)) + (math.log(0.2) + math.log(0.9))) / 2
    assert float(found) == pytest.approx(by_hand)


def test_equation_3_by_hand():
    targets = torch.eye(8)[[3, 5]]
    said = [torch.randn(2, 8) for _ in LOSS_WEIGHTS]
    parts = [float(batch_loss("cross_entropy", logits, targets)) for logits in said]
    by_hand = 0.7 * parts[0] + 0.6 * parts[1] + 0.4 * parts[2] + 0.3 * parts[3] + parts[4]
    whole = whole_loss("cross_entropy", tuple(map(Weighted, LOSS_WEIGHTS, said)), targets)
    assert float(whole) == pytest.approx(by_hand, rel=1e-5)
    alone = whole_loss("cross_entropy", said[0], targets)
    assert float(alone) == pytest.approx(parts[0], rel=1e-6)


@pytest.mark.parametrize("size", [16, 48])
def test_shapes(size):
    filters = STAGES["ali2020"]
    x = torch.randn(3, 1, size, size)
    maps, code = Encoder(size, filters).record(x)
    assert [tuple(one.shape) for one in maps] == [
        (3, n, size // 2 ** (i + 1), size // 2 ** (i + 1)) for i, n in enumerate(filters)
    ]
    assert code.shape == (3, FEATURES) == (3, 350)
    generator = Generator(size, filters, 5, 7)
    made = generator(x, one_hot(torch.tensor([0, 4, 1]), 5), torch.randn(3, 7))
    assert made.shape == x.shape
    assert made.abs().max() <= SPAN
    for spectral in (False, True):
        critic = Discriminator(size, filters, 5, dropout=0.0, spectral=spectral)
        said = critic(made)
        assert said.expression.shape == (3, 9)
        assert said.identity.shape == (3, 5)
        kinds = {type(module).__name__ for module in critic.modules()}
        assert ("BatchNorm2d" in kinds) is not spectral


def test_net_of_stage_2():
    net = build_net("ali2020", size=32, dropout=0.5)
    x = torch.randn(2, 1, 32, 32)
    said = net.train()(x)
    assert [one.weight for one in said] == [0.7, 0.6, 0.4, 0.3, 1.0]
    assert all(one.logits.shape == (2, 8) for one in said)
    assert net.eval()(x).shape == (2, 8)
    assert build_net("ali2020-cnn", size=32, dropout=0.5)(x).shape == (2, 8)


def test_f_x_joins_every_local_cnn():
    net = build_net("ali2020", size=16, dropout=0.0).eval()
    x = torch.randn(2, 1, 16, 16)
    before = net(x)
    with torch.no_grad():
        for part in (net.encoder.code, *(cnn[-2] for cnn in net.local)):
            kept = part.bias.clone()
            part.bias += 5
            assert not torch.allclose(net(x), before, atol=1e-6)
            part.bias.copy_(kept)
    assert torch.equal(net(x), before)


@pytest.mark.parametrize("size", [0, 20, 100])
def test_sizes_that_four_halvings_do_not_divide(size):
    with pytest.raises(TrainError, match="multiple of 16"):
        build_net("ali2020", size=size, dropout=0.5)


def test_fresh_weights_have_the_paper_s_spread():
    layer = torch.nn.Linear(400, 400)
    initialise(layer)
    weight = layer.weight.detach()
    assert float(weight.std()) == pytest.approx(0.02, rel=0.02)
    assert float(weight.mean()) == pytest.approx(0, abs=1e-3)
    assert not layer.bias.any()


def test_110_patches_all_distinct():
    assert PATCHES == 110 == len(PATCH_PLACES) * len(PATCH_ANGLES) * 2
    assert sorted(PATCH_ANGLES) == [-15, -12, -9, -6, -3, 0, 3, 6, 9, 12, 15]
    picture = torch.rand(1, 1, 48, 48) * 255
    made = warp(picture.expand(PATCHES, 1, 48, 48), patch_maps(torch.arange(PATCHES)))
    flat = made.flatten(1)
    apart = torch.cdist(flat, flat) + torch.eye(PATCHES) * 1e9
    assert float(apart.min()) > 100
    assert torch.allclose(made[0], picture[0], atol=1e-3)  # the transform that changes nothing
    assert torch.allclose(made[1], picture[0].flip(2), atol=1e-3)


def test_a_corner_lies_a_twelfth_of_the_side_away():
    picture = torch.rand(1, 1, 48, 48) * 255
    shift = int(48 * PATCH_SHIFT)
    numbers = torch.tensor([2 * len(PATCH_ANGLES)])  # the corner at the top left, level, as it is
    (found,) = warp(picture, patch_maps(numbers))
    assert torch.allclose(found[:, shift:, shift:], picture[0, :, :-shift, :-shift], atol=1e-2)


def test_patches_are_drawn_from_all(recipe):
    recipe = recipe.model_copy(update={"augmentation": "patches"})
    generator = torch.Generator().manual_seed(0)
    u = draw(2000, generator)
    assert len(set((u[:, 0] * PATCHES).long().tolist())) == PATCHES
    picture = torch.rand(1, 1, 24, 24) * 255
    made = augment(picture.expand(3, 1, 24, 24), recipe, u[:3])
    expected = warp(picture.expand(3, 1, 24, 24), patch_maps((u[:3, 0] * PATCHES).long()))
    assert torch.equal(made, expected)


def test_more_steps_of_g_only_where_d_is_measured_to_be_near_its_optimum():
    recipe = gan_recipe(near_optimum="0.9", g_steps="4")
    balance = Balance()
    assert balance.g_steps(recipe) == 1
    for _ in range(40):
        balance.add_step(1.0)
    assert balance.g_steps(recipe) == 4
    for _ in range(10):
        balance.add_step(0.5)
    assert balance.g_steps(recipe) == 1


def test_lost_only_after_patience():
    recipe = gan_recipe(patience="3", pinned_at="0.999")
    balance = Balance()
    for share, lost in ((1.0, False), (1.0, False), (0.99, False), (1, False), (1, False)):
        balance.add_epoch(share, recipe)
        assert balance.lost(recipe) is lost
    balance.add_epoch(0.9995, recipe)
    assert balance.lost(recipe)


def test_told_apart():
    real = logit(nine(1, 0.9), nine(FAKE, 0.9))
    fake = logit(nine(FAKE, 0.9), nine(FAKE, 0.5))
    assert float(told_apart(real, fake)) == pytest.approx((0.5 + 1.0) / 2)


def test_people_and_those_who_are_left_out():
    faces = people(count=9, persons=4)  # the first has three pictures, the others two
    with pytest.raises(TrainError, match="1 identities with 3 pictures or more among 4"):
        people_of(faces, gan_recipe(least_images="3"), CPU)
    found = people_of(faces, gan_recipe(), CPU)
    assert found.names == ("person 0", "person 1", "person 2", "person 3")
    assert found.identity.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert found.left_out == ()


def test_an_identity_with_one_picture_is_named():
    faces = people(count=5, persons=4)
    subjects = ("a", "b", "a", "b", "alone")
    faces = faces.__class__(
        "faces", "train", faces.images, faces.labels, faces.names, subjects=subjects
    )
    found = people_of(faces, gan_recipe(), CPU)
    assert found.names == ("a", "b")
    assert found.left_out == (
        "1 identities with fewer than 2 pictures (1 pictures), 1 of them with one",
    )


def test_a_set_without_identities():
    faces = people()
    nobody = faces.__class__("fer2013", "train", faces.images, faces.labels, faces.names)
    with pytest.raises(TrainError, match="fer2013 says of no labelled face whom it shows"):
        people_of(nobody, gan_recipe(), CPU)


def test_faces_without_a_label_are_not_learnt():
    faces = people()
    faces.labels[:4] = DROPPED
    assert len(people_of(faces, gan_recipe(), CPU)) == len(faces) - 4
    with pytest.raises(TrainError, match="size is 32, but the images of faces are 16 wide"):
        people_of(faces, gan_recipe(size="32"), CPU)


def test_codes():
    names = ("ann", "bob", "7")
    assert code_of("bob", names) == 1
    assert code_of("7", names) == 2  # a name first
    assert code_of("0", names) == 0
    with pytest.raises(TrainError, match=r"no identity 3: the GAN has codes 0 to 2"):
        code_of("3", names)
    with pytest.raises(TrainError, match=r"does not know 'bop'. Did you mean bob"):
        code_of("bop", names)
    for wrong in (-1, 3):
        with pytest.raises(TrainError, match="codes go from 0 to 2"):
            one_hot(torch.tensor([wrong]), 3)


def test_grid_of_sources_and_identities():
    generator = Generator(SIDE, STAGES["ali2020"], 3, 7).eval()
    sources = torch.from_numpy(people(count=2).images)[:, None]
    made = transfer(generator, sources, [2, 0, 1], torch.zeros(7))
    assert made.shape == (2, 3, 1, SIDE, SIDE)
    features = generator.encoder(normalise(sources.float()))
    with torch.no_grad():
        again = generator.decoder(features, one_hot(torch.tensor([0, 0]), 3), torch.zeros(2, 7))
    assert torch.allclose(made[:, 1], again, atol=1e-5)
    whole = grid(sources, made)
    assert whole.shape == (2 * (SIDE + 2) + 2, 4 * (SIDE + 2) + 2)
    shown = to_grey(made)[1, 2, 0].numpy()
    row, column = SIDE + 4, 3 * (SIDE + 2) + 2
    assert np.array_equal(whole[row : row + SIDE, column : column + SIDE], shown)
