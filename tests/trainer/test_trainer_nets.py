import inspect

import pytest
import torch
import torchvision

from trainer.errors import TrainError
from trainer.losses import whole_loss
from trainer.nets import build_net, net_names, parameter_count, register_net
from trainer.nets.maps import MapNet, class_activation_maps

OURS = ("compact", "wrn-10-4", "wrn-28-4")
TORCHVISION_S = ("densenet121", "googlenet", "resnet18", "resnet34", "resnet50")
MAP_NETS = (*OURS, *TORCHVISION_S)
VGGS = {"vgg13": 10, "vgg16": 13, "vgg19": 16}  # convolutions


def conv(channels, *filters):
    """Weights and biases of 3 x 3 convolutions in a row."""
    ins = (channels, *filters)
    return sum(9 * a * b + b for a, b in zip(ins, filters, strict=False))


def from_published(count, *, kernel, features):
    """Of a net for ImageNet: 8 classes for 1000, one channel for three before 64 filters."""
    return count - (1000 - 8) * (features + 1) - 2 * 64 * kernel**2


def staged(*widths):
    """A stem of 16, then stages of two blocks; normalisation has a scale and a shift a channel."""
    total = 9 * 16 + 2 * 16 + 9 * 16 * widths[0] + 2 * widths[0]
    inputs = widths[0]
    for width in widths:
        total += 9 * inputs * width + 3 * 9 * width * width + 4 * 2 * width
        total += inputs * width + 2 * width if inputs != width else 0
        inputs = width
    return total + 8 * inputs + 8


def wide(blocks, *widths):
    """Wide ResNet: 16 filters, then groups of blocks that normalise their inputs."""
    total, inputs = 9 * 16, 16
    for width in widths:
        total += 2 * inputs + 9 * inputs * width + inputs * width
        total += (2 * blocks - 1) * (2 * width + 9 * width * width)
        inputs = width
    return total + 2 * inputs + 8 * inputs + 8


def vgg(count):
    """The same, and one place for 7 x 7 before the first hidden layer of 4096."""
    return from_published(count, kernel=3, features=4096) - 48 * 512 * 4096


def strided(*filters):
    """DE-GAN's encoder: 4 x 4 convolutions, scales and shifts, 3 x 3 places before f(x)."""
    ins = (1, *filters)
    convolutions = sum(16 * a * b for a, b in zip(ins, filters, strict=False))
    return convolutions + 2 * sum(filters) + 9 * filters[-1] * 350 + 350


def local(*filters):
    """Its local CNNs, their answers, and the one of all of them with f(x)."""
    each = 2 * 2 * 64 + 9 * 64 * 64 + (9 * 64 * 128 + 128) + (128 * 8 + 8)
    return sum(9 * n * 64 + each for n in filters) + (350 + 4 * 128) * 8 + 8


def face(*stages):
    """dlib's: each convolution has a bias, a scale and a shift; the last block is one more."""

    def layer(ins, outs, kernel):
        return kernel**2 * ins * outs + 3 * outs

    total, ins = layer(3, 32, 7), 32
    for outs, blocks in stages:
        if outs > ins:
            total += layer(ins, outs, 3) + layer(outs, outs, 3)
        total += 2 * blocks * layer(outs, outs, 3)
        ins = outs
    return total + 2 * layer(ins, ins, 3) + 8 * ins + 8


PARAMETERS = {
    "ali2020": strided(64, 128, 256, 512) + local(64, 128, 256, 512),
    "ali2020-half": strided(32, 64, 128, 256) + local(32, 64, 128, 256),
    "ali2020-cnn": strided(64, 128, 256, 512) + 350 * 8 + 8,
    "ali2020-cnn-half": strided(32, 64, 128, 256) + 350 * 8 + 8,
    # torchvision's documented count for ImageNet, less what eight classes spare
    "alexnet-224": 61_100_840 - (1000 - 8) * (4096 + 1),
    "compact": staged(48, 96, 192),
    "wrn-10-4": wide(1, 64, 128, 256),
    "wrn-28-4": wide(4, 64, 128, 256),
    # 3 x 3 places of 256 channels are left of 48 x 48; then 1024, 1024 and 8
    "custom-vgg13": conv(1, 64, 64, 128, 128, *[256] * 6)
    + (3 * 3 * 256 * 1024 + 1024)
    + (1024 * 1024 + 1024)
    + (1024 * 8 + 8),
    # torchvision's documented counts for ImageNet, less what a grey picture and 8 classes spare
    "densenet121": from_published(7_978_856, kernel=7, features=1024),
    # the published file's 4,652,008, less what eight classes spare
    **dict.fromkeys(
        ("efficientnet-lite0-112", "efficientnet-lite0-224"), 4_652_008 - (1000 - 8) * (1280 + 1)
    ),
    **dict.fromkeys(("face-resnet", "face-resnet-112"), face((32, 3), (64, 3), (128, 2), (256, 2))),
    # five convolutions with the scales and shifts that replace their biases, one of 1 x 1, and
    # 2 x 2 places of 512 before 256 and 8
    "fn2en-scratch": conv(1, 64, 128, 256, 512, 512)
    + (64 + 128 + 256 + 512 + 512)
    + (512 * 512 + 2 * 512)
    + (512 * 2 * 2 * 256 + 256)
    + (256 * 8 + 8),
    "googlenet": from_published(6_624_904, kernel=7, features=1024),
    # 25*64 + 1600*128 + 3200*256 convolution weights, 1024*300 + 300 + 300*8 + 8
    "khorrami2015": 1_600 + 204_800 + 819_200 + 307_500 + 2_408,
    # five stages of inception blocks, less the auxiliary head, and three channels
    "inceptionv3-299": 21_801_960,
    # the convolutions once, and for each of three tasks two layers of 1024 and its outputs
    "multitask-vgg13": conv(1, 64, 64, 128, 128, *[256] * 6)
    + 3 * (3 * 3 * 256 * 1024 + 1024 + 1024 * 1024 + 1024)
    + 1024 * (8 + 2 + 1)
    + (8 + 2 + 1),
    "resnet18": from_published(11_689_512, kernel=7, features=512),
    "resnet34": from_published(21_797_672, kernel=7, features=512),
    "resnet50": from_published(25_557_032, kernel=7, features=2048),
    "resnet50-224": 25_557_032 - (1000 - 8) * (2048 + 1),
    "vgg13": vgg(133_047_848),
    "vgg16": vgg(138_357_544),
    "vgg16-224": 138_357_544 - (1000 - 8) * (4096 + 1),
    # five convolutions, then 6 x 6 places of 512 before 4096, 2048 and 8
    "vgg-m-2048": (49 * 3 * 96 + 96)
    + (25 * 96 * 256 + 256)
    + conv(256, 512, 512, 512)
    + (36 * 512 * 4096 + 4096)
    + (4096 * 2048 + 2048)
    + (2048 * 8 + 8),
    "vgg19": vgg(143_667_240),
}


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Many small layers: threads that wait for each other on a busy machine cost more than all."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_every_net_has_its_parameter_count_here():
    assert set(net_names()) == set(PARAMETERS)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_shape_and_one_backward_step(name):
    torch.manual_seed(0)
    net = build_net(name, size=48, dropout=0.5)
    assert parameter_count(net) == PARAMETERS[name]
    # densenet121 ends as one place, and batch normalisation over three values makes huge gradients
    batch = 16 if name == "densenet121" else 3
    x = torch.randn(batch, 1, 48, 48)
    target = torch.rand(batch, 8).softmax(1)
    optimiser = torch.optim.SGD(net.parameters(), 0.01)
    said = net(x)
    answers = [said] if isinstance(said, torch.Tensor) else [one.logits for one in said]
    assert {logits.shape for logits in answers} == {(batch, 8)}
    loss = whole_loss("cross_entropy", said, target)
    loss.backward()
    for key, parameter in net.named_parameters():
        if name == "multitask-vgg13" and key.startswith(("gender.", "age.")):
            assert parameter.grad is None, key  # the other tasks' branches
            continue
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key
        assert parameter.grad.abs().max() > 0, key
    optimiser.step()
    net.eval()
    assert torch.isfinite(net(x)).all()


def test_khorrami2015_takes_the_paper_s_size_with_the_same_parameters():
    net = build_net("khorrami2015", size=96, dropout=0.5)
    assert parameter_count(net) == PARAMETERS["khorrami2015"]
    assert net.features(torch.zeros(1, 1, 96, 96)).shape == (1, 256, 2, 2)


def test_khorrami2015_has_no_convolution_biases_and_the_paper_s_spread():
    torch.manual_seed(3)
    net = build_net("khorrami2015", size=48, dropout=0.5)
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            assert module.bias is None
        if isinstance(module, torch.nn.Conv2d | torch.nn.Linear):
            k = float(module.weight.detach().var()) * module.weight[0].numel()
            assert 0.15 < k < 1.3


def test_quadrant_pooling_takes_one_maximum_a_quadrant():
    net = build_net("khorrami2015", size=16, dropout=0.0)
    maps = torch.arange(16.0).reshape(1, 1, 4, 4)
    pooled = net.features[7](maps)
    assert pooled.flatten().tolist() == [5.0, 7.0, 13.0, 15.0]


@pytest.mark.parametrize("size", [0, 44, -8])
def test_khorrami2015_refuses_sizes_that_do_not_come_out(size):
    with pytest.raises(TrainError, match="multiple of 8"):
        build_net("khorrami2015", size=size, dropout=0.5)


@pytest.mark.parametrize("size", [0, 40, -16])
def test_custom_vgg13_refuses_sizes_that_do_not_come_out(size):
    with pytest.raises(TrainError, match=f"custom-vgg13 .* multiple of 16, not {size}"):
        build_net("custom-vgg13", size=size, dropout=0.5)


@pytest.mark.parametrize("name", [*TORCHVISION_S, *VGGS])
@pytest.mark.parametrize("size", [31, -48])
def test_torchvision_s_nets_refuse_small_sizes(name, size):
    with pytest.raises(TrainError, match=f"{name} takes any size from 32 on, not {size}"):
        build_net(name, size=size, dropout=0.5)


@pytest.mark.parametrize("name", ["densenet121", "googlenet", "resnet18", "vgg13"])
@pytest.mark.parametrize("size", [32, 61])
def test_torchvision_s_nets_take_any_size_from_32_on(name, size):
    net = build_net(name, size=size, dropout=0.5).eval()
    assert parameter_count(net) == PARAMETERS[name]
    with torch.inference_mode():
        assert net(torch.zeros(1, 1, size, size)).shape == (1, 8)


def test_custom_vgg13_has_the_paper_s_layers():
    net = build_net("custom-vgg13", size=64, dropout=0.5)
    kinds = "".join(type(m).__name__[0] for m in net.features)
    assert kinds == "CRCRMD" * 2 + "CRCRCRMD" * 2
    assert [m.p for m in net.features if isinstance(m, torch.nn.Dropout)] == [0.25] * 4
    assert [m.p for m in net.classifier if isinstance(m, torch.nn.Dropout)] == [0.5] * 2
    assert net.features(torch.zeros(1, 1, 64, 64)).shape == (1, 256, 4, 4)


@pytest.mark.parametrize("name", sorted(VGGS))
def test_vggs_have_the_published_convolutions_and_no_normalisation(name):
    net = build_net(name, size=48, dropout=0.3)
    assert sum(isinstance(m, torch.nn.Conv2d) for m in net.modules()) == VGGS[name]
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in net.modules())
    assert [m.p for m in net.modules() if isinstance(m, torch.nn.Dropout)] == [0.3, 0.3]


@pytest.mark.parametrize("name", ["custom-vgg13", "vgg19"])
def test_a_fresh_vgg_tells_pictures_apart_and_prefers_no_class(name):
    torch.manual_seed(4)
    net = build_net(name, size=48, dropout=0.5).eval()
    x = torch.randn(4, 1, 48, 48)
    with torch.inference_mode():
        assert 0.1 < float(net.features(x).std()) < 10
        assert float(net(x).softmax(1).max()) < 0.5


def test_dropout_goes_where_the_net_has_room_for_it():
    for name in ("googlenet", "resnet18"):
        assert build_net(name, size=48, dropout=0.3).dropout.p == 0.3
    net = build_net("densenet121", size=48, dropout=0.3)
    assert {m.drop_rate for m in net.modules() if hasattr(m, "drop_rate")} == {0.3}
    assert net.dropout.p == 0


@pytest.mark.parametrize("name", ["densenet121", "googlenet", "resnet18", "resnet50"])
def test_a_grey_picture_gives_what_torchvision_gives_for_three_equal_channels(name):
    extra = {"googlenet": {"aux_logits": False, "init_weights": True}}.get(name, {})
    torch.manual_seed(5)
    published = torchvision.models.get_model(name, weights=None, num_classes=8, **extra).eval()
    torch.manual_seed(5)
    net = build_net(name, size=48, dropout=0.5).eval()
    x = torch.randn(2, 1, 48, 48)
    with torch.inference_mode():
        expected = published(x.expand(-1, 3, -1, -1))
        torch.testing.assert_close(net(x), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_which_nets_have_class_activation_maps(name):
    net = build_net(name, size=48, dropout=0.5)
    assert isinstance(net, MapNet) == (name in MAP_NETS)
    # Python 3.12 looks for a protocol's members this way, and finds no submodules by it.
    static = [inspect.getattr_static(net, key, None) for key in ("feature_maps", "classifier")]
    assert (None not in static) == (name in MAP_NETS)


@pytest.mark.parametrize("name", MAP_NETS)
def test_activation_maps_add_up_to_the_logits(name):
    torch.manual_seed(6)
    net = build_net(name, size=64, dropout=0.5).eval()
    torch.nn.init.normal_(net.classifier.bias)
    x = torch.randn(2, 1, 64, 64)
    with torch.inference_mode():
        logits = net(x)
        maps = net.feature_maps(x)
        torch.testing.assert_close(net.classifier(maps.mean((2, 3))), logits)
        activation = class_activation_maps(net, maps)
        assert activation.shape == (2, 8, *maps.shape[2:])
        assert activation.shape[2] > 1
        torch.testing.assert_close(activation.mean((2, 3)) + net.classifier.bias, logits)


def test_activation_maps_are_the_weighted_sum_of_equation_2():
    class Two:
        classifier = torch.nn.Linear(2, 8)

    weight = Two.classifier.weight.detach()
    maps = torch.tensor([[[[1.0, 2.0]], [[0.0, -3.0]]]])  # one picture, two channels, 1 x 2 places
    expected = torch.stack([weight[:, 0], 2 * weight[:, 0] - 3 * weight[:, 1]], 1)
    torch.testing.assert_close(class_activation_maps(Two(), maps).detach()[0, :, 0], expected)


def test_unknown_net_names_the_nearest():
    with pytest.raises(TrainError, match=r"no net 'khorami2015'\. Did you mean khorrami2015"):
        build_net("khorami2015", size=48, dropout=0.5)


def test_a_name_is_given_once():
    with pytest.raises(TrainError, match="net 'khorrami2015' already"):
        register_net("khorrami2015")(torch.nn.Identity)


@pytest.mark.parametrize("name", OURS)
def test_our_nets_refuse_what_is_too_small(name):
    with pytest.raises(TrainError, match=f"{name} takes patches of 16 pixels or more, not 15"):
        build_net(name, size=15, dropout=0.1)


def test_the_compact_net_stays_small():
    assert parameter_count(build_net("compact", size=48, dropout=0.0)) <= 3_000_000
