"""A net that is quick on a CPU, with all that the nets for transfer have: blocks, layers, maps."""

import torch
from torch import nn

from trainer import nets


class SmallNet(nn.Module):
    layers = ("pool",)

    def __init__(self, *, size, dropout, channels=1, classes=8):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 4, 3, stride=4)
        self.bn1 = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 8, 3, stride=2)
        self.bn2 = nn.BatchNorm2d(8)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(8, classes)

    def features(self, x, layer):
        x = self.bn1(self.conv1(x)).relu()
        return self.bn2(self.conv2(x)).relu().mean((2, 3))

    def forward(self, x):
        return self.fc(self.dropout(self.features(x, "pool")))

    def blocks(self):
        return {"conv1": (self.conv1, self.bn1), "conv2": (self.conv2, self.bn2)}


def register(monkeypatch, name, factory=SmallNet):
    """Enter a net for the length of a test."""
    monkeypatch.setitem(nets._NETS._entries, name, factory)


def thin(state):
    """A state dict of the same shapes, but of one number a tensor, so that its file is small."""
    numbers = torch.linspace(0.001, 0.01, len(state))
    return {
        key: number.to(value.dtype).reshape((1,) * value.ndim).expand(value.shape)
        for number, (key, value) in zip(numbers, state.items(), strict=True)
    }
