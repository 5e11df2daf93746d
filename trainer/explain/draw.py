"""The pictures of what was found in nets. No window is ever opened."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from ferdesk.core.types import FloatArray
from trainer import files
from trainer.explain.neurons import NeuronResult
from trainer.explain.units import UnitResult

_GAP: Final = 2  # pixels between the pictures of a grid
_DPI: Final = 110
_BEST, _OTHER = "tab:red", "tab:blue"
_BEFORE, _AFTER = "tab:red", "tab:blue"  # as in figure 3 of the paper


def draw_grid(
    path: Path, images: Tensor, rows: Sequence[str], title: str, *, signed: bool = False
) -> None:
    """Pictures in rows, as a PNG.

    Args:
        path: the picture's place.
        images: (rows, columns, height, width) of any real type.
        rows: what stands before each.
        title: above them.
        signed: scale each picture so that 0 is middle grey, instead of from black to white.
    """
    shown = np.stack([[_scaled(image, signed) for image in row] for row in images.numpy()])
    mosaic = _mosaic(shown)
    height, width = (side / 60 for side in mosaic.shape)
    scale = max(1.0, 5 / width)
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(width * scale + 2, height * scale + 0.7), layout="constrained")
        axes = figure.subplots()
        axes.imshow(mosaic, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        pitch = images.shape[2] + _GAP
        axes.set_yticks([pitch * i + images.shape[2] / 2 for i in range(len(rows))], rows)
        axes.set_xticks([])
        axes.set_title(title)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        _save(figure, path)


def draw_captioned(path: Path, images: Tensor, captions: Sequence[str], title: str) -> None:
    """Pictures with a line under each, at most five a row, as a PNG.

    Args:
        path: the picture's place.
        images: (n, height, width) grey levels 0..255.
        captions: n of them.
        title: above all.
    """
    columns = min(5, len(captions))
    lines = -(-len(captions) // columns)
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(1.8 * columns, 2.1 * lines + 0.4), layout="constrained")
        places = np.atleast_1d(figure.subplots(lines, columns)).ravel()
        for axes in places:
            axes.axis("off")
        for axes, image, caption in zip(places, images.numpy(), captions, strict=False):
            axes.imshow(_scaled(image, signed=False), cmap="gray", vmin=0, vmax=1)
            axes.set_title(caption, fontsize=8)
        figure.suptitle(title)
        _save(figure, path)


def draw_units(path: Path, result: UnitResult) -> None:
    """Each shown filter's divergences as bars, the largest red, what chance gives as a mark.

    Args:
        path: the picture's place.
        result: at least one filter is shown.
    """
    found = {one.filter: one for one in result.filters}
    columns = min(2, len(result.shown))
    lines = -(-len(result.shown) // columns)
    names = [count.unit for count in result.units]
    codes = [name.partition(":")[0] for name in names]
    with mpl.rc_context({"font.size": 8}):
        figure = Figure(figsize=(5.2 * columns, 1.7 * lines + 0.5), layout="constrained")
        places = np.atleast_1d(figure.subplots(lines, columns)).ravel()
        for axes in places[len(result.shown) :]:
            axes.axis("off")
        for axes, number in zip(places, result.shown, strict=False):
            one = found[number]
            colours = [_BEST if name == one.best else _OTHER for name in names]
            axes.bar(codes, [one.divergence[name] for name in names], color=colours)
            axes.plot(codes, [one.chance[name] for name in names], "_", color="black", ms=7)
            axes.set_title(f"filter {number}")
            axes.tick_params(axis="x", rotation=90)
            axes.grid(axis="y", alpha=0.3)
        figure.suptitle(f"{result.net}, {result.layer}: KL(with || without) in nats; - is chance")
        _save(figure, path)


def draw_neurons(path: Path, result: NeuronResult) -> None:
    """A histogram a layer, the nets over each other, as a PNG.

    Args:
        path: the picture's place.
        result: one net or two.
    """
    layers = [layer.layer for layer in result.nets[-1].layers]
    edges = np.array(result.edges)
    columns = min(4, len(layers))
    lines = -(-len(layers) // columns)
    colours = (_BEFORE, _AFTER)[-len(result.nets) :]
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(3.2 * columns, 2.6 * lines + 0.6), layout="constrained")
        places = np.atleast_1d(figure.subplots(lines, columns)).ravel()
        for axes in places[len(layers) :]:
            axes.axis("off")
        for place, (axes, name) in enumerate(zip(places, layers, strict=False)):
            for net, colour in zip(result.nets, colours, strict=True):
                counts = net.layers[place].counts
                label = net.net if place == 0 else None
                axes.stairs(counts, edges, fill=True, alpha=0.5, color=colour, label=label)
            axes.axvline(result.threshold, color="black", lw=0.8, ls=":")
            axes.set(title=name, xlabel="entropy (nats)")
        places[0].set_ylabel("neurons")
        figure.legend(loc="outside lower center", ncols=2)
        _save(figure, path)


def _mosaic(shown: FloatArray) -> NDArray[np.floating]:
    """(rows, columns, h, w) in 0..1 as one white-gapped picture."""
    rows, columns, height, width = shown.shape
    padded = np.ones((rows, columns, height + _GAP, width + _GAP), shown.dtype)
    padded[:, :, :height, :width] = shown
    joined = padded.transpose(0, 2, 1, 3).reshape(rows * (height + _GAP), -1)
    return np.asarray(joined[:-_GAP, :-_GAP])


def _scaled(image: NDArray[np.generic], signed: bool) -> FloatArray:
    """One picture to 0..1."""
    values = image.astype(np.float32)
    if signed:
        most = float(np.abs(values).max()) or 1.0
        return np.asarray(0.5 + values / (2 * most), np.float32)
    span = float(np.ptp(values)) or 1.0
    return np.asarray((values - values.min()) / span, np.float32)


def _save(figure: Figure, path: Path) -> None:
    files.write_with(path, lambda place: figure.savefig(place, dpi=_DPI, format="png"))
