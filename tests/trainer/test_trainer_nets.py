import pytest
import torch
from torch.nn import functional

from trainer.errors import TrainError
from trainer.nets import build_net, net_names, parameter_count, register_net

PARAMETERS = {
    # 25*64 + 1600*128 + 3200*256 convolution weights, 1024*300 + 300 + 300*8 + 8
    "khorrami2015": 1_600 + 204_800 + 819_200 + 307_500 + 2_408,
}


def test_every_net_has_its_parameter_count_here():
    assert set(net_names()) == set(PARAMETERS)


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_shape_and_one_backward_step(name):
    torch.manual_seed(0)
    net = build_net(name, size=48, dropout=0.5)
    assert parameter_count(net) == PARAMETERS[name]
    x = torch.randn(3, 1, 48, 48)
    target = torch.rand(3, 8).softmax(1)
    optimiser = torch.optim.SGD(net.parameters(), 0.01)
    logits = net(x)
    assert logits.shape == (3, 8)
    loss = functional.cross_entropy(logits, target)
    loss.backward()
    for key, parameter in net.named_parameters():
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


def test_unknown_net_names_the_nearest():
    with pytest.raises(TrainError, match=r"no net 'khorami2015'\. Did you mean khorrami2015"):
        build_net("khorami2015", size=48, dropout=0.5)


def test_a_name_is_given_once():
    with pytest.raises(TrainError, match="net 'khorrami2015' already"):
        register_net("khorrami2015")(torch.nn.Identity)
