import math

import pytest
import torch

from trainer.augment import augment, cut_out, draw, inverse_affine, mix, relight, warp
from trainer.recipes import RECIPES

SIDE = 48
RANGES = (
    "rotation_deg",
    "scale",
    "translation",
    "flip",
    "brightness",
    "contrast",
    "gamma",
    "cutout",
)
STILL = dict.fromkeys(RANGES, "0")


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(n=4, seed=0):
    return draw(n, seeded(seed))


def noise(n=4):
    return torch.rand(n, 1, SIDE, SIDE, generator=seeded(1)) * 255


def dot(x, y):
    picture = torch.zeros(1, 1, SIDE, SIDE)
    picture[0, 0, y, x] = 255
    return picture


def brightest(picture):
    y, x = divmod(int(picture.flatten().argmax()), SIDE)
    return x, y


def moved(picture, angle=0.0, scale=1.0, shift=(0.0, 0.0), mirror=False):
    theta = inverse_affine(
        torch.tensor([angle]), torch.tensor([scale]), torch.tensor([shift]), torch.tensor([mirror])
    )
    return warp(picture, theta)


@pytest.fixture
def base():
    return RECIPES.get("khorrami2015-ferplus")


def test_zero_ranges_change_nothing(base):
    out = augment(noise(), base.override(STILL), drawn())
    torch.testing.assert_close(out, noise(), atol=0.02, rtol=0)


def test_mirror(base):
    out = augment(noise(), base.override({**STILL, "flip": "1"}), drawn())
    torch.testing.assert_close(out, noise().flip(-1), atol=0.02, rtol=0)


def test_mirror_comes_before_the_shift():
    assert brightest(moved(dot(10, 20), shift=(5 / SIDE, 0.0), mirror=True)) == (42, 20)


def test_shift_moves_right_and_down_by_pixels():
    out = moved(noise(1), shift=(4 / SIDE, 7 / SIDE))
    torch.testing.assert_close(out[:, :, 7:, 4:], noise(1)[:, :, :-7, :-4], atol=0.05, rtol=0)


def test_positive_angle_turns_clockwise():
    # 90 degrees: what was at the right of the middle comes to lie below it
    assert brightest(moved(dot(40, 24), angle=math.pi / 2)) == (23, 40)


def test_scale_enlarges_around_the_middle():
    x, y = brightest(moved(dot(30, 20), scale=2.0))
    assert abs(x - 23.5 - 2 * (30 - 23.5)) <= 0.5
    assert abs(y - 23.5 - 2 * (20 - 23.5)) <= 0.5


def test_outside_repeats_the_border():
    assert float(moved(torch.full((1, 1, SIDE, SIDE), 80.0), shift=(0.5, 0.5)).min()) == 80.0


def test_relight():
    batch = torch.tensor([0.0, 51.0, 127.5, 255.0]).reshape(1, 1, 2, 2)
    one, zero = torch.ones(1), torch.zeros(1)
    torch.testing.assert_close(relight(batch, one, one, zero), batch)
    brighter = relight(batch, one, one, torch.tensor([0.2])).flatten()
    torch.testing.assert_close(brighter, torch.tensor([51.0, 102.0, 178.5, 255.0]))
    flat = relight(batch, one, torch.tensor([0.5]), zero).flatten()
    torch.testing.assert_close(flat, torch.tensor([63.75, 89.25, 127.5, 191.25]))
    bent = relight(batch, torch.tensor([2.0]), one, zero).flatten()
    torch.testing.assert_close(bent, torch.tensor([0.0, 10.2, 63.75, 255.0]))


def test_cut_out_blanks_one_square_with_the_mean():
    batch = noise(2)
    out = cut_out(batch, torch.tensor([[0.5, 0.5], [0.0, 0.0]]), 0.25)
    changed = out != batch
    assert int(changed[0].sum()) == 12 * 12
    assert int(changed[1].sum()) == 6 * 6
    assert changed[0, 0, 18:30, 18:30].all()
    torch.testing.assert_close(out[0, 0, 20, 20], batch[0].mean())


def test_stays_in_range_and_repeats_itself(base):
    strong = base.override({"cutout": "0.3", "brightness": "0.9", "gamma": "0.9"})
    one, other = (augment(noise(16), strong, drawn(16, 5)) for _ in range(2))
    assert torch.equal(one, other)
    assert 0 <= float(one.min()) <= float(one.max()) <= 255
    assert not torch.equal(one, augment(noise(16), strong, drawn(16, 6)))


def test_another_size_is_sampled_in_the_same_step(base):
    smooth = torch.linspace(0, 255, SIDE).expand(1, 1, SIDE, SIDE)
    out = augment(smooth, base.override(STILL), drawn(1), 24)
    assert out.shape == (1, 1, 24, 24)
    torch.testing.assert_close(out, smooth.reshape(1, 1, 24, 2, 24, 2).mean((3, 5)))


def test_mixing_is_with_the_next_one_by_the_same_share_as_the_targets():
    x, targets = noise(4), torch.eye(8)[:4]
    mixed, shares = mix(x, targets, 0.4, seeded(2))
    torch.testing.assert_close(shares.sum(1), torch.ones(4))
    share = float(shares[0, 0])
    assert 0 < share < 1
    torch.testing.assert_close(mixed, share * x + (1 - share) * x[[3, 0, 1, 2]])
    again, _ = mix(x, targets, 0.4, seeded(2))
    assert torch.equal(mixed, again)
