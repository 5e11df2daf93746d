"""The mean of the faces that a hidden neuron answers to most.

H. Ding, S. K. Zhou, R. Chellappa. "FaceNet2ExpNet: Regularizing a Deep Face Recognition Net for
Expression Recognition." FG 2017. Section IV.B, figures 4 and 5.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ferdesk.core.labels import EXPRESSIONS
from trainer.explain.images import Gallery
from trainer.explain.inside import Inside, Layer
from trainer.explain.neurons import label_entropies
from trainer.explain.responses import responses
from trainer.tables import Result


class MeanImage(Result):
    """A neuron and the faces that were averaged.

    Attributes:
        neuron: its number in the layer; of a layer with places, a filter's.
        label: the expression that most of its faces have.
        share: how many of them do, 0..1.
        entropy: of their labels, in nats.
        response: the neuron's mean answer to them.
    """

    neuron: int
    label: str
    share: float
    entropy: float
    response: float


class MeanResult(Result):
    """The pictures of a layer.

    Attributes:
        net: the run, checkpoint or bundle.
        layer: its layer's name.
        faces: which faces were looked at, in words.
        n: how many.
        top: how many of them were averaged.
        neurons: the pictures, in their order.
    """

    net: str
    layer: str
    faces: str
    n: int
    top: int
    neurons: tuple[MeanImage, ...]


def mean_images(
    inside: Inside, gallery: Gallery, layer: Layer, top: int, chosen: Sequence[int], rows: int
) -> tuple[tuple[MeanImage, ...], Tensor]:
    """Average the faces that neurons answer to most.

    Args:
        inside: the net.
        gallery: faces that all have a label.
        layer: the neurons'.
        top: how many faces each (the paper does not say).
        chosen: the neurons; none for those whose faces' labels have the smallest entropy, the
            strongest answer first among equals.
        rows: how many then.

    Returns:
        The neurons; and (neurons, size, size) float32 grey levels 0..255.

    Raises:
        TrainError: there are too few faces, or no such neuron.
    """
    answers = responses(inside, gallery.images, layer)
    answers.check(list(chosen))
    best = answers.top(top)
    labels = gallery.faces.labels[best.numpy()]
    entropies = label_entropies(labels)
    strength = answers.strongest.gather(0, best).mean(dim=0).numpy()
    # A neuron that answers to none of them is no expert of the expression that comes first.
    lively = np.ptp(answers.strongest.numpy(), axis=0) > 0
    ranked = [int(n) for n in np.lexsort((-strength, entropies)) if lively[n]]
    numbers = list(chosen) or ranked[:rows]
    found = []
    for number in numbers:
        counts = np.bincount(labels[:, number], minlength=len(EXPRESSIONS))
        found.append(
            MeanImage(
                neuron=number,
                label=EXPRESSIONS[int(counts.argmax())],
                share=float(counts.max() / top),
                entropy=float(entropies[number]),
                response=float(strength[number]),
            )
        )
    images = [gallery.images[best[:, number], 0].float().mean(dim=0) for number in numbers]
    return tuple(found), torch.stack(images)
