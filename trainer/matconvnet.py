"""Weights as MatConvNet keeps them, the form in which VGG-Face and CNN-M-2048 were published.

A. Vedaldi, K. Lenc. "MatConvNet: Convolutional Neural Networks for MATLAB." ACM MM 2015.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor

from trainer.datasets.matfile import Value, read_mat
from trainer.errors import TrainError

_LIMIT: Final = 1_500_000_000  # bytes; VGG-Face has 580 million
_PARTS: Final = ("weight", "bias")
_FIELDS: Final = ("layers", "name", "weights", "filters", "biases")


def read_matconvnet(path: Path) -> dict[str, Tensor]:
    """The weights of a net's layers, by names such as conv1_1.weight and fc6.bias.

    Args:
        path: a .mat file with the variable `layers`, or `net` that has it, each layer a struct with
            its name and `weights` (older files: `filters` and `biases`).

    Returns:
        float32; filters are (outputs, inputs, height, width), and (outputs, inputs) of a layer
        whose name starts with fc.

    Raises:
        DataError: not such a file, damaged, or too large once unpacked.
        TrainError: it holds no such layers.
    """
    found = read_mat(path, ("layers", "net"), limit=_LIMIT, fields=_FIELDS)
    whole = found.get("net")
    layers = whole.get("layers") if isinstance(whole, dict) else found.get("layers")
    tensors = dict(_tensors(layers, path)) if isinstance(layers, list) else {}
    if not tensors:
        raise TrainError(f"{path} holds no net of MatConvNet: expected `layers` with weights.")
    return tensors


def _tensors(layers: list[Value], path: Path) -> Iterator[tuple[str, Tensor]]:
    for layer in layers:
        if not isinstance(layer, dict):
            raise TrainError(f"{path} holds no net of MatConvNet: a layer is not a struct.")
        name, pair = layer.get("name"), layer.get("weights")
        if "filters" in layer:
            pair = [layer["filters"], layer.get("biases", "")]
        if not isinstance(pair, list) or not pair:
            continue
        if not isinstance(name, str) or len(pair) != len(_PARTS):
            raise TrainError(f"{path}: a layer's weights are not filters and biases.")
        for part, array in zip(_PARTS, pair, strict=True):
            if not isinstance(array, np.ndarray):
                raise TrainError(f"{path}: {name} has a {part} that is not of numbers.")
            yield f"{name}.{part}", _tensor(array, name, part)


def _tensor(
    array: "np.ndarray[tuple[int, ...], np.dtype[np.float64]]", name: str, part: str
) -> Tensor:
    """From MATLAB's (height, width, inputs, outputs), whose last axes may be left out if 1."""
    values = np.asarray(array, np.float32)
    if part == "bias":
        return torch.from_numpy(values.reshape(-1).copy())
    values = values.reshape(values.shape + (1,) * (4 - values.ndim)).transpose(3, 2, 0, 1)
    if name.startswith("fc"):
        values = values.reshape(len(values), -1)
    return torch.from_numpy(np.ascontiguousarray(values))
