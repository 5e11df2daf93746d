"""How strongly each filter of a layer answers to each face, and which faces it answers to most."""

from dataclasses import dataclass

import torch
from torch import Tensor

from trainer.errors import TrainError
from trainer.explain.inside import AT_ONCE, Inside, Layer


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """The strongest answer of each filter to each face.

    Attributes:
        layer: whose.
        strongest: (n, filters) float32, the maximum over all places; of a layer without places its
            answer.
        place: (n, filters) int64, where it is, row by row; 0 of a layer without places.
    """

    layer: Layer
    strongest: Tensor
    place: Tensor

    def top(self, count: int) -> Tensor:
        """(count, filters) int64: the faces that a filter answers to most, the first one most.

        Raises:
            TrainError: there are fewer faces.
        """
        check_enough(count, len(self.strongest), "faces")
        return self.strongest.sort(dim=0, descending=True, stable=True).indices[:count]

    def check(self, filters: list[int]) -> None:
        """Make sure that there are such filters.

        Raises:
            TrainError: there are not.
        """
        wrong = [number for number in filters if not 0 <= number < self.layer.units]
        if wrong:
            raise TrainError(
                f"{self.layer} has filters 0 to {self.layer.units - 1}, no filter {wrong[0]}."
            )


@torch.inference_mode()
def responses(inside: Inside, images: Tensor, layer: Layer) -> Responses:
    """Show all faces to a net.

    Args:
        inside: the net.
        images: (n, 1, size, size) uint8, n >= 1.
        layer: one of its layers.
    """
    strongest, place = [], []
    for chunk in torch.split(images, AT_ONCE):
        _, found = inside.look(inside.prepare(chunk), [layer.name])
        at = found[layer.name].reshape(len(chunk), layer.units, -1).max(dim=2)
        strongest.append(at.values.cpu())
        place.append(at.indices.cpu())
    return Responses(layer, torch.cat(strongest), torch.cat(place))


def check_enough(wanted: int, there: int, what: str) -> None:
    """Refuse to look for more than there is.

    Raises:
        TrainError: there are fewer than `wanted`.
    """
    if wanted > there:
        raise TrainError(f"There are only {there} {what}, fewer than the {wanted} wanted.")
