"""The pictures a run and an evaluation leave behind. No window is ever opened."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from ferdesk.core.labels import EXPRESSIONS
from trainer import files
from trainer.runs import Row


def draw_curves(path: Path, rows: list[Row], title: str) -> None:
    """Loss and accuracy of an expression net over the epochs, as a PNG.

    Args:
        path: the picture's place.
        rows: a run's metrics, at least one.
        title: above the picture.
    """
    curves = {
        f"valid, {name}": [100 * row[key] for row in rows]
        for key, name in (
            ("valid_accuracy", "plurality"),
            ("valid_accuracy_majority", "majority"),
        )
    }
    _draw_epochs(path, rows, title, "cross-entropy", "accuracy (%)", curves)


def draw_au_curves(path: Path, rows: list[Row], title: str) -> None:
    """Loss and correlation of an action-unit net over the epochs; arguments as `draw_curves`."""
    curves = {"valid, mean over outputs": [row["valid_r"] for row in rows]}
    _draw_epochs(path, rows, title, "loss", "Pearson's r", curves)


_GAN_SHARES = {
    "d_accuracy": "real and generated told apart",
    "d_identity": "D: real people",
    "d_expression": "D: real expressions",
    "g_identity": "G: people asked for",
    "g_expression": "G: expressions",
}


def draw_gan_curves(path: Path, rows: list[Row], title: str) -> None:
    """Both losses of a GAN, and what its discriminator says; arguments as `draw_curves`."""
    epochs = [row["epoch"] for row in rows]
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        losses, shares = figure.subplots(1, 2)
        for key, name in (("d_loss", "D, equation 1"), ("g_loss", "G, equation 2")):
            losses.plot(epochs, [row[key] for row in rows], label=name)
        losses.set(xlabel="epoch", ylabel="loss", title=title)
        for key, name in _GAN_SHARES.items():
            shares.plot(epochs, [100 * row[key] for row in rows], label=name)
        shares.set(xlabel="epoch", ylabel="right (%)", title="by the discriminator")
        for axes in (losses, shares):
            axes.legend()
            axes.grid(alpha=0.3)
        _save(figure, path)


def draw_guide_curves(path: Path, rows: list[Row], title: str) -> None:
    """Distance to a face net's features over the epochs; arguments as `draw_curves`."""
    curves = {"valid": [100 * row["valid_relative"] for row in rows]}
    _draw_epochs(path, rows, title, "distance", "distance (% of the features' own size)", curves)


def _draw_epochs(
    path: Path,
    rows: list[Row],
    title: str,
    loss: str,
    measure: str,
    curves: Mapping[str, list[float]],
) -> None:
    """The losses at the left, and what the averaged weights reach at the right."""
    epochs = [row["epoch"] for row in rows]
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        losses, reached = figure.subplots(1, 2)
        for key, name in (("train_loss", "train, augmented"), ("valid_loss", "valid")):
            losses.plot(epochs, [row[key] for row in rows], label=name)
        losses.set(xlabel="epoch", ylabel=loss, title=title)
        for name, values in curves.items():
            reached.plot(epochs, values, label=name)
        reached.set(xlabel="epoch", ylabel=measure, title="averaged weights")
        for axes in (losses, reached):
            axes.legend()
            axes.grid(alpha=0.3)
        _save(figure, path)


def draw_confusion(path: Path, matrix: np.ndarray, title: str) -> None:
    """A confusion matrix with counts, coloured by the row's share, as a PNG.

    Args:
        path: the picture's place.
        matrix: (8, 8) int, rows are the true classes, columns the predicted ones.
        title: above the picture.
    """
    share = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    with mpl.rc_context({"font.size": 9}):
        figure = Figure(figsize=(6.4, 5.6), layout="constrained")
        axes = figure.subplots()
        image = axes.imshow(share, vmin=0, vmax=1, cmap="Blues")
        places = range(len(EXPRESSIONS))
        axes.set_xticks(places, EXPRESSIONS, rotation=40, ha="right")
        axes.set_yticks(places, EXPRESSIONS)
        axes.set(xlabel="predicted", ylabel="true", title=title)
        for row in places:
            for column in places:
                colour = "white" if share[row, column] > 0.5 else "black"
                text = str(matrix[row, column])
                axes.text(column, row, text, ha="center", va="center", color=colour)
        figure.colorbar(image, ax=axes, label="share of the true class")
        _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    files.write_with(path, lambda temporary: figure.savefig(temporary, dpi=110, format="png"))
