"""What is looked into: a run's net, a checkpoint's, or a bundle's torch program."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ferdesk.bundles import find_bundle
from ferdesk.core.bundle import PROGRAM, ModelBundle, read_bundle
from ferdesk.engines.program import open_program
from trainer.before import resolved
from trainer.checkpoint import load_checkpoint
from trainer.errors import TrainError
from trainer.explain.inside import Inside
from trainer.nets import build_net
from trainer.predict import load_run
from trainer.recipes import Recipe
from trainer.runs import RunFolder
from trainer.weights import IMAGENET, load_weights


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A net, and what it was made for.

    Attributes:
        name: the run's folder, the bundle, or the checkpoint's recipe.
        inside: its layers.
        dataset: the data set it was trained on, "" where nobody knows.
        protocol: of its folds, or "".
        fold: which of them.
        recipe: how it was trained; None of a bundle.
        folder: the run's, or where the checkpoint lies; None of a bundle.
    """

    name: str
    inside: Inside
    dataset: str
    protocol: str = ""
    fold: int = 0
    recipe: Recipe | None = None
    folder: Path | None = None

    def before(self, start: str | None) -> "Subject | None":
        """The net as it was before it was trained.

        Args:
            start: a run, a checkpoint or a bundle; or, where this one has a recipe, weights as
                `trainer.weights.load_weights` takes them; None for those that its recipe started
                from.

        Returns:
            None if nothing was said and the recipe started fresh.

        Raises:
            TrainError: no such thing, or it does not fit.
            DataError: the weights' file is damaged.
        """
        if start is not None and _is_net(start):
            return open_subject(start)
        if self.recipe is None or self.folder is None:
            if start is None:
                return None
            raise TrainError(f"{start} is neither a run, a checkpoint nor a bundle.")
        own = self.recipe.model_copy(update={"face": ""})  # which is no weights to start from
        weights = start or resolved(own, self.folder).weights
        if not weights:
            return None
        torch.manual_seed(self.recipe.seed)  # of what the weights leave fresh
        net = _build(self.recipe)
        load_weights(net, weights, self.recipe.net)
        return _subject(Path(weights).name, net, self.recipe, self.folder)


def open_subject(text: str) -> Subject:
    """A net by what a user calls it.

    Args:
        text: a run's folder, a checkpoint (best.pt or last.pt), or a bundle's name or folder.

    Raises:
        TrainError: none of these, or a bundle without a torch program.
        BundleError: there is no such bundle, or it is not sound.
        ModelError: its program is refused.
    """
    path = Path(text).expanduser()
    run = RunFolder(path)
    if run.recipe.is_file():
        net, recipe, _ = load_run(run)
        return _subject(path.resolve().name, net, recipe, path)
    if path.is_file():
        recipe, weights = load_checkpoint(path)
        net = _build(recipe)
        try:
            net.load_state_dict(weights)
        except RuntimeError as error:
            raise TrainError(f"{path} does not hold weights of net {recipe.net!r}.") from error
        return _subject(recipe.name, net, recipe, path.parent)
    return _of_bundle(text)


def _is_net(text: str) -> bool:
    """Whether a text names a run, a checkpoint of ours or a bundle, and no plain weights."""
    path = Path(text).expanduser()
    if not path.is_file():
        return text != IMAGENET
    try:
        load_checkpoint(path)
    except TrainError:
        return False
    return True


def _of_bundle(name: str) -> Subject:
    folder = find_bundle(name)
    bundle = read_bundle(folder, ModelBundle)
    if PROGRAM not in bundle.files:
        raise TrainError(
            f"The bundle {bundle.name} has no torch program ({PROGRAM}) to look into; name the "
            "folder of the run that it was made from."
        )
    program = torch.export.load(open_program(folder / PROGRAM)).module()
    dataset = bundle.recipe.get("dataset")
    return Subject(bundle.name, Inside(program, bundle.input.size), str(dataset or ""))


def _build(recipe: Recipe) -> nn.Module:
    return build_net(recipe.net, size=recipe.size, dropout=recipe.dropout)


def _subject(name: str, net: nn.Module, recipe: Recipe, folder: Path) -> Subject:
    inside, where = Inside(net, recipe.size), folder.resolve()
    return Subject(name, inside, recipe.dataset, recipe.protocol, recipe.fold, recipe, where)
