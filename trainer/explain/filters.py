"""What in a picture a filter answers to: single-neuron guided backpropagation.

P. Khorrami, T. L. Paine, T. S. Huang. "Do Deep Neural Networks Learn Facial Action Units When Doing
Expression Recognition?" ICCV Workshops 2015. Section 4.3, figures 3 and 4.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.base import DROPPED
from trainer.explain.images import Gallery
from trainer.explain.inside import Inside, Layer
from trainer.explain.responses import Responses, responses
from trainer.tables import Result


class FilterImage(Result):
    """One of the pictures that a filter answers to most.

    Attributes:
        image: its name in the data set.
        label: its expression, "" where it has none.
        response: the filter's strongest answer to it.
        place: row and column of that answer; none of a layer without places.
    """

    image: str
    label: str
    response: float
    place: tuple[int, ...]


class FilterRow(Result):
    """A filter and the pictures that it answers to most, the first one most."""

    filter: int
    images: tuple[FilterImage, ...]


class FilterResult(Result):
    """The rows of a grid.

    Attributes:
        net: the run, checkpoint or bundle.
        layer: its layer's name.
        faces: which faces were looked at, in words.
        n: how many.
        rows: the filters.
    """

    net: str
    layer: str
    faces: str
    n: int
    rows: tuple[FilterRow, ...]


def show_filters(
    inside: Inside, gallery: Gallery, layer: Layer, count: int, chosen: Sequence[int], rows: int
) -> tuple[tuple[FilterRow, ...], Tensor, Tensor]:
    """Find each filter's faces, and what in them it answers to.

    Args:
        inside: the net.
        gallery: the faces.
        layer: whose filters.
        count: how many faces a filter (paper: 10).
        chosen: the filters; none for those whose mean answer to their faces is strongest (the paper
            does not say how it chose).
        rows: how many then.

    Returns:
        The rows; (rows, count, size, size) float32 gradients; and the faces themselves, uint8.

    Raises:
        TrainError: there are too few faces, or no such filter.
    """
    answers = responses(inside, gallery.images, layer)
    answers.check(list(chosen))
    top = answers.top(count)
    numbers = list(chosen) or strongest(answers, top, rows)
    patterns = torch.stack(
        [
            guided_patterns(
                inside, gallery.images[top[:, number]], layer, number, _places(answers, top, number)
            )
            for number in numbers
        ]
    )
    faces = torch.stack([gallery.images[top[:, number], 0] for number in numbers])
    return tuple(_row(gallery, answers, top, number) for number in numbers), patterns, faces


def strongest(answers: Responses, top: Tensor, rows: int) -> list[int]:
    """The filters whose mean answer to their own best faces is strongest, that one first."""
    means = answers.strongest.gather(0, top).mean(dim=0)
    return [int(n) for n in means.sort(descending=True, stable=True).indices[:rows]]


def guided_patterns(
    inside: Inside, images: Tensor, layer: Layer, number: int, places: Tensor
) -> Tensor:
    """Go back from one neuron of each picture to its pixels.

    All other neurons of the layer are left out, and each ReLU on the way masks twice (Springenberg
    et al. 2015).

    Args:
        inside: the net.
        images: (n, 1, size, size) uint8.
        layer: the neurons'.
        number: their filter.
        places: (n,) int64, which neuron of the filter, row by row.

    Returns:
        (n, size, size) float32 on the CPU, in answers a unit of normalised grey.
    """
    x = inside.prepare(images).requires_grad_()
    with torch.enable_grad():
        _, found = inside.look(x, [layer.name], guided=True)
        neurons = found[layer.name][:, number].reshape(len(images), -1)
        neurons.gather(1, places[:, None].to(neurons.device)).sum().backward()  # type: ignore[no-untyped-call]
    if x.grad is None:
        raise ValueError(f"{layer.name} does not depend on the picture")
    return x.grad[:, 0].cpu()


def _places(answers: Responses, top: Tensor, number: int) -> Tensor:
    return answers.place[top[:, number], number]


def _row(gallery: Gallery, answers: Responses, top: Tensor, number: int) -> FilterRow:
    width = answers.layer.shape[-1]
    images = []
    for face, place in zip(top[:, number].tolist(), _places(answers, top, number), strict=True):
        label = int(gallery.faces.labels[face])
        images.append(
            FilterImage(
                image=gallery.faces.names[face],
                label="" if label == DROPPED else EXPRESSIONS[label],
                response=float(answers.strongest[face, number]),
                place=divmod(int(place), width) if len(answers.layer.shape) > 1 else (),
            )
        )
    return FilterRow(filter=number, images=tuple(images))
