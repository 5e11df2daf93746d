"""Learning a face net's features before any label.

H. Ding, S. K. Zhou, R. Chellappa. "FaceNet2ExpNet: Regularizing a Deep Face Recognition Net for
Expression Recognition." FG 2017. Section III: the first of the two stages, equation 4.
"""

from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn

from ferdesk.core.preprocess import normalise
from trainer.errors import TrainError
from trainer.explain.inside import Inside
from trainer.nets import build_net
from trainer.nets.ding2017 import GuidedNet
from trainer.precision import autocast
from trainer.predict import load_run
from trainer.recipes import Recipe
from trainer.runs import RunFolder
from trainer.weights import load_weights

_BATCH: Final = 64


class Guide:
    """A frozen face net, one of whose layers is learnt by the convolutions of another net.

    Args:
        recipe: names the face net, its layer and the norm; its "@other" are paths.
        net: what learns, on the device; what follows its convolutions is frozen.

    Raises:
        TrainError: there is no such face net or layer, the layer has another shape than the net's
            convolutions, or the net has none that could learn it.
    """

    def __init__(self, recipe: Recipe, net: nn.Module) -> None:
        guided = _guided(net, recipe.net)
        self._inside = Inside(_face_net(recipe), recipe.size)
        layer = self._inside.layer(recipe.face_layer)
        if layer.shape != guided.shape():
            raise TrainError(
                f"{layer} is not of the shape that {recipe.net} learns{_fit(layer.shape)}"
            )
        self._layer, self._norm = layer.name, recipe.norm
        self.learner = guided.learner()
        guided.rest().requires_grad_(False)

    def loss(self, learner: nn.Module, x: Tensor) -> Tensor:
        """The mean over the pictures of the sum of |ours - theirs| ** p over channels and places.

        Args:
            learner: `self.learner`, or a view of it.
            x: (n, 1, size, size) float32, normalised.
        """
        with autocast(x.device):
            found = learner(x.contiguous(memory_format=torch.channels_last))
        return self._distance(found.float(), self.features(x))

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """What the face net answers: (n, channels, h, w) float32."""
        with autocast(x.device):
            _, answers = self._inside.look(x, (self._layer,))
        return answers[self._layer].float()

    @torch.no_grad()
    def judge(self, learner: nn.Module, images: Tensor) -> tuple[float, float]:
        """The loss over pictures that are not augmented.

        Args:
            learner: in any mode; put into eval mode.
            images: (n, 1, size, size) uint8, on the device.

        Returns:
            The mean loss, and what part it is of that of an answer of zeros.
        """
        learner.eval()
        sums = torch.zeros(2, dtype=torch.float64)
        for chunk in torch.split(images, _BATCH):
            x = normalise(chunk.float())
            theirs = self.features(x)
            with autocast(x.device):
                ours = learner(x.contiguous(memory_format=torch.channels_last)).float()
            both = self._distance(ours, theirs), self._distance(torch.zeros_like(theirs), theirs)
            sums += len(chunk) * torch.stack(both).double().cpu()
        loss, zero = (sums / len(images)).tolist()
        if not zero:
            raise TrainError(f"The face net's layer {self._layer} answers nothing but zeros.")
        return loss, loss / zero

    def _distance(self, ours: Tensor, theirs: Tensor) -> Tensor:
        return (ours - theirs).abs().pow(self._norm).flatten(1).sum(1).mean()


def learner_of(net: nn.Module) -> nn.Module:
    """The convolutions of a net that a guide was made for, or of a copy of it."""
    return _guided(net, type(net).__name__).learner()


def _guided(net: nn.Module, name: str) -> GuidedNet:
    # Never a type of its own to mypy, for a torch module has any attribute.
    if not isinstance(net, GuidedNet):
        raise TrainError(
            f"{name} has no convolutions that could learn a face net's features; fn2en/512x7 and "
            "its kind have."
        )
    return net


def _face_net(recipe: Recipe) -> nn.Module:
    """The net with its weights, in eval mode."""
    if recipe.face_net:
        torch.manual_seed(recipe.seed)
        net = build_net(recipe.face_net, size=recipe.size, dropout=0.0)
        load_weights(net, recipe.face, recipe.face_net)
        return net.eval()
    net, own, _ = load_run(RunFolder(_folder(recipe.face)))
    if own.size != recipe.size:
        raise TrainError(
            f"The face net in {recipe.face} takes patches of {own.size} pixels, those here have "
            f"{recipe.size}: --set size={own.size}."
        )
    return net


def _folder(face: str) -> Path:
    path = Path(face).expanduser()
    if not RunFolder(path).recipe.is_file():
        raise TrainError(
            f"{face} is not a run's folder: of a weights file, say --set face_net= too."
        )
    return path


def _fit(shape: tuple[int, ...]) -> str:
    """What to do about a layer of another shape."""
    if len(shape) == 3 and shape[1] == shape[2]:
        return f": --set net=fn2en/{shape[0]}x{shape[1]}."
    return ": choose one with as many places in height as in width."
