"""How expressive a layer's neurons are: the entropy of the labels that each answers to most.

H. Ding, S. K. Zhou, R. Chellappa. "FaceNet2ExpNet: Regularizing a Deep Face Recognition Net for
Expression Recognition." FG 2017. Section III.C, figure 3, table I.

What the paper leaves open: each element of a layer's answer is a neuron, for its table I counts
7,763 of them in pool4, which has 512 channels. Entropies are in nats. The paper's threshold is "the
minimum average entropy score among the four selected layers", and does not say of which net; here
it is the smallest mean over all layers of both nets, since in table I it lies far below the
pre-trained net's own means, and a count can be compared with another under the same threshold only.
A neuron that answers alike to all faces is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import entropy
from torch import Tensor

from ferdesk.core.labels import EXPRESSIONS
from trainer.datasets.base import Labels
from trainer.errors import TrainError
from trainer.explain.images import Gallery
from trainer.explain.inside import AT_ONCE, Inside, Layer
from trainer.tables import Result

BINS: Final = 40
_MOST: Final = float(np.log(len(EXPRESSIONS)))  # the entropy of eight labels alike
_MERGED: Final = 4  # batches that are ranked together; each ranking costs as much as the kept faces

Doubles = NDArray[np.float64]


class LayerNeurons(Result):
    """A layer's neurons in one net.

    Attributes:
        layer: its name.
        neurons: how many answer to faces.
        silent: how many answer alike to all.
        mean: the others' mean entropy in nats.
        low: how many of them are below the threshold.
        counts: how many are in each bin of `NeuronResult.edges`.
    """

    layer: str
    neurons: int
    silent: int
    mean: float
    low: int
    counts: tuple[int, ...]


class NeuronNet(Result):
    """A net's layers, in the order that they were asked for."""

    net: str
    layers: tuple[LayerNeurons, ...]


class NeuronResult(Result):
    """One net, or the same before and after training.

    Attributes:
        faces: which faces were looked at, in words.
        n: how many.
        top: how many faces a neuron was judged by.
        seed: of the order that faces to which a neuron answers alike are taken in.
        threshold: entropy below which a neuron has a low expressive score, in nats.
        edges: of the histograms' bins, in nats, from 0 to that of all labels alike.
        nets: the net before it was trained, if there is one, then the trained one.
    """

    faces: str
    n: int
    top: int
    seed: int
    threshold: float
    edges: tuple[float, ...]
    nets: tuple[NeuronNet, ...]


@dataclass(slots=True, eq=False)
class TopLabels:
    """The labels of the faces that each neuron answers to most, kept while faces go by.

    Attributes:
        top: how many a neuron.
        answers: (top or fewer, neurons), the strongest so far.
        labels: (top or fewer, neurons) uint8, of the faces that gave them.
        lowest: (neurons,) the weakest answer so far.
    """

    top: int
    answers: Tensor = field(init=False, default_factory=lambda: torch.empty(0))
    labels: Tensor = field(init=False, default_factory=lambda: torch.empty(0))
    lowest: Tensor = field(init=False, default_factory=lambda: torch.empty(0))

    def add(self, answers: Tensor, labels: Tensor) -> None:
        """Look at more faces.

        Args:
            answers: (n, neurons) float32.
            labels: (n,) 0..7.
        """
        told = labels.to(torch.uint8)[:, None].expand_as(answers)
        lowest = answers.amin(dim=0)
        if len(self.answers):
            answers, told = torch.cat([self.answers, answers]), torch.cat([self.labels, told])
            lowest = torch.minimum(lowest, self.lowest)
        self.lowest = lowest
        self.answers, at = answers.topk(min(self.top, len(answers)), dim=0)
        self.labels = told.gather(0, at)

    def entropies(self) -> Doubles:
        """(neurons,) in nats; NaN of those that answer alike to all faces."""
        found = label_entropies(self.labels.numpy())
        found[(self.answers[0] <= self.lowest).numpy()] = np.nan
        return found


def label_entropies(labels: NDArray[np.integer]) -> Doubles:
    """H = - sum p log p of each column's shares of labels: (k, neurons) to (neurons,), in nats."""
    counts = np.stack([(labels == label).sum(axis=0) for label in range(len(EXPRESSIONS))])
    return np.asarray(entropy(counts, axis=0), np.float64)


@torch.inference_mode()
def top_labels(
    inside: Inside, images: Tensor, labels: Labels, layers: Sequence[Layer], top: int, seed: int
) -> dict[str, TopLabels]:
    """Show all faces to a net and keep what each neuron of some layers answers to most.

    Args:
        inside: the net.
        images: (n, 1, size, size) uint8.
        labels: (n,) 0..7.
        layers: of the net.
        top: faces a neuron, fewer than n.
        seed: faces come in an order of their own, so that of those to which a neuron answers alike
            none is preferred for where it lies in the set.

    Raises:
        TrainError: there are not more than `top` faces.
    """
    if len(images) <= top:
        raise TrainError(
            f"There are only {len(images)} faces with a label; to rank them takes more than the "
            f"{top} that each neuron is judged by (--top)."
        )
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(images)))
    told = torch.from_numpy(labels)
    names = [layer.name for layer in layers]
    kept = {name: TopLabels(top) for name in names}
    for chosen in torch.split(order, AT_ONCE * _MERGED):
        parts: dict[str, list[Tensor]] = {name: [] for name in names}
        for some in torch.split(chosen, AT_ONCE):
            _, found = inside.look(inside.prepare(images[some]), names)
            for name in names:
                parts[name].append(found[name].flatten(1).cpu())
        for name in names:
            kept[name].add(torch.cat(parts[name]), told[chosen])
    return kept


def entropies(
    inside: Inside, gallery: Gallery, names: Sequence[str], top: int, seed: int
) -> dict[str, Doubles]:
    """The entropies of all neurons of some layers, see `top_labels` and `TopLabels.entropies`."""
    layers = [inside.layer(name) for name in names]
    kept = top_labels(inside, gallery.images, gallery.faces.labels, layers, top, seed)
    return {name: one.entropies() for name, one in kept.items()}


def summarise(nets: Sequence[tuple[str, dict[str, Doubles]]]) -> tuple[float, list[NeuronNet]]:
    """Mean entropies, the threshold, and how many neurons are below it.

    Args:
        nets: a net's name, and by layer what `TopLabels.entropies` gives.

    Returns:
        The threshold in nats, and the nets.

    Raises:
        TrainError: in all neurons of a layer answer alike to all faces.
    """
    means = {}
    for net, layers in nets:
        for layer, values in layers.items():
            lively = values[np.isfinite(values)]
            if not len(lively):
                raise TrainError(f"No neuron of {layer} in {net} tells one face from another.")
            means[net, layer] = float(lively.mean())
    threshold = min(means.values())
    found = []
    for net, layers in nets:
        rows = []
        for layer, values in layers.items():
            lively = values[np.isfinite(values)]
            rows.append(
                LayerNeurons(
                    layer=layer,
                    neurons=len(lively),
                    silent=len(values) - len(lively),
                    mean=means[net, layer],
                    low=int((lively < threshold).sum()),
                    counts=tuple(np.histogram(np.minimum(lively, _MOST), edges())[0].tolist()),
                )
            )
        found.append(NeuronNet(net=net, layers=tuple(rows)))
    return threshold, found


def edges() -> Doubles:
    """The borders of the histograms' bins: from 0 to the entropy of eight labels alike, in nats."""
    return np.linspace(0.0, _MOST, BINS + 1)
