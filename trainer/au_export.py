"""From a run of an action-unit net to a bundle that the app loads."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn

from ferdesk.core.au_bundle import AuBundle, AuMetric, AuOutput
from ferdesk.core.bundle import (
    MODEL,
    PROGRAM,
    REFERENCE,
    InputSpec,
    TrainingData,
    read_bundle,
    sha256,
    write_bundle,
)
from trainer import provenance
from trainer.au_data import CROPS, PHOTOGRAPHS, AuSet, AuSets
from trainer.au_distill import activations, build, correlation
from trainer.checkpoint import load_best
from trainer.datasets import DATASETS
from trainer.deploy import deploy_activations
from trainer.errors import TrainError
from trainer.export import staged, write_model
from trainer.recipes.au import AuRecipe
from trainer.runs import RunFolder

_OUTPUTS: Final = TypeAdapter(tuple[AuOutput, ...])


@dataclass(frozen=True, slots=True, eq=False)
class AuExported:
    """What came of an export.

    Attributes:
        folder: the bundle.
        bundle: its description, with what was measured.
        parity: largest difference to torch's activations on the reference input.
    """

    folder: Path
    bundle: AuBundle
    parity: float


def export_aus(run: RunFolder, sets: AuSets, folder: Path, name: str) -> AuExported:
    """Make a bundle of a run's best weights, with the units that it learnt well enough.

    A unit is shipped if its activation, of a paired unit the mean of its sides, correlates from the
    recipe's `shipped_from` on with the estimator's on photographs of people that were held out. All
    units' figures are written down.

    Args:
        run: a finished or unfinished run.
        sets: what it was trained on, and what it is judged on.
        folder: the bundle's folder; a bundle that is there is replaced.
        name: the bundle's name.

    Raises:
        TrainError: no such run, no unit that can be shipped, the run learnt other units than those
            of `sets`, or the files do not give torch's activations.
        OutputError: `folder` holds something else, or cannot be written.
    """
    net, recipe, epoch = load_aus(run)
    if _outputs(run) != sets.outputs:
        raise TrainError(f"{run.folder} learnt other units than the tables have now; train again.")
    metrics, shipped = _judge(net, sets, recipe)
    kept = [index for index, one in enumerate(sets.outputs) if one.au in shipped]
    if not kept:
        raise TrainError(f"No unit reached a correlation of {recipe.shipped_from}; train longer.")
    with staged(folder) as staging:
        deployed = deploy_activations(_only(net, kept), recipe.size)
        parity = write_model(deployed, staging)
        data = _training_data(sets)
        bundle = AuBundle(
            name=name,
            title=recipe.title,
            task="action_units",
            labels=tuple(sets.outputs[index] for index in kept),
            input=InputSpec(size=recipe.size),
            outputs=deployed.outputs,
            files={file: sha256(staging / file) for file in (MODEL, PROGRAM, REFERENCE)},
            recipe={**recipe.model_dump(exclude={"title", "paper"}), "best_epoch": epoch},
            paper=recipe.paper,
            training_data=data,
            licence=provenance.licence(data),
            metrics=metrics,
            notes=_notes(recipe),
        )
        write_bundle(staging, bundle)
        read_bundle(staging, AuBundle)
    return AuExported(folder, bundle, parity)


def load_aus(run: RunFolder) -> tuple[nn.Module, AuRecipe, int]:
    """The averaged weights of a run's best epoch.

    Returns:
        The net in eval mode on the CPU, its recipe, and the epoch, from 1.

    Raises:
        TrainError: there is no such run, or its checkpoint does not fit its recipe.
    """
    recipe = run.read_any_recipe()
    if not isinstance(recipe, AuRecipe):
        raise TrainError(f"{run.folder} is no run of an action-unit net.")
    net = build(recipe, len(_outputs(run)))
    epoch = load_best(run.best, net, recipe)
    return net.eval(), recipe, epoch


def _outputs(run: RunFolder) -> tuple[AuOutput, ...]:
    try:
        return _OUTPUTS.validate_python(run.read_about().get("outputs"))
    except ValidationError as error:
        raise TrainError(f"{run.about} does not say what the net's outputs are.") from error


def _judge(
    net: nn.Module, sets: AuSets, recipe: AuRecipe
) -> tuple[tuple[AuMetric, ...], frozenset[int]]:
    """Figures of every unit on every judged set; which units are good enough on the first."""
    units = sorted({one.au for one in sets.outputs})
    measured = []
    for faces in sets.judged:
        found = _by_unit(activations(net, faces, recipe, exact=True), sets.outputs, units)
        wanted = _by_unit(faces.targets, sets.outputs, units)
        r = correlation(found, wanted).tolist()
        measured.append((faces, r, (found - wanted).abs().mean(0).tolist()))
    _, r, _ = measured[0]
    shipped = frozenset(
        unit for unit, value in zip(units, r, strict=True) if value >= recipe.shipped_from
    )
    return tuple(
        _metric(unit, faces, r[index], error[index], unit in shipped)
        for faces, r, error in measured
        for index, unit in enumerate(units)
    ), shipped


def _metric(unit: int, faces: AuSet, r: float, error: float, shipped: bool) -> AuMetric:
    return AuMetric(
        au=unit,
        dataset=faces.dataset,
        part=faces.part,
        n=len(faces),
        r=r,
        mae=error,
        shipped=shipped,
    )


def _by_unit(values: Tensor, outputs: Sequence[AuOutput], units: Sequence[int]) -> Tensor:
    """(n, outputs) to (n, units): of a paired unit the mean of its sides."""
    columns = [
        values[:, [i for i, one in enumerate(outputs) if one.au == unit]].mean(1) for unit in units
    ]
    return torch.stack(columns, 1)


def _only(net: nn.Module, kept: list[int]) -> nn.Module:
    """The net without the other outputs."""
    net = copy.deepcopy(net)
    head = net.get_submodule("head")
    last = head.get_submodule("2")
    if not isinstance(last, nn.Linear):
        raise TypeError("the head's last layer is not linear")
    smaller = nn.Linear(last.in_features, len(kept))
    with torch.no_grad():
        smaller.weight.copy_(last.weight[kept])
        smaller.bias.copy_(last.bias[kept])
    head.set_submodule("2", smaller)
    return net


def _training_data(sets: AuSets) -> tuple[TrainingData, ...]:
    parts = {PHOTOGRAPHS: "train people, seven tenths by hash of the identity", CROPS: "train"}
    return tuple(
        TrainingData(
            name=DATASETS.get(name).title,
            part=parts[name],
            images=images,
            terms=DATASETS.get(name).terms,
        )
        for name, images in sets.seen.items()
    )


def _notes(recipe: AuRecipe) -> str:
    return (
        f"Learnt from the activations that the estimator {recipe.estimator!r} gives for the same "
        "faces, so its errors are learnt too; r and mae say how near this net comes to that "
        "estimator, not to a FACS coder. Faces that are too small or turned away were left out. "
        "The epoch was chosen by the mean correlation on photographs of people that are in no "
        "other part."
    )
