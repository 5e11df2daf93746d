"""From a run to a bundle that the app loads: model.onnx, model.pt2, reference.npz, bundle.json."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from ferdesk.core.bundle import (
    CAM,
    MANIFEST,
    MODEL,
    PROGRAM,
    REFERENCE,
    InputSpec,
    ModelBundle,
    sha256,
    write_bundle,
)
from ferdesk.core.errors import OutputError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.preprocess import normalise
from ferdesk.core.types import FloatArray
from trainer import files, provenance
from trainer.before import resolved
from trainer.calibrate import fit_temperature
from trainer.datasets.base import Faces
from trainer.deploy import Deployed, deploy
from trainer.errors import TrainError, write_failure
from trainer.evaluate import Evaluation, bundle_probabilities, measure, protocols_for, truth
from trainer.onnx_file import run_onnx, write_onnx
from trainer.predict import load_run, predict_logits
from trainer.program import run_program, write_program
from trainer.recipes import Recipe
from trainer.runs import RunFolder

PARITY: Final = 1e-4
"""Largest difference in a logit between torch and what the app runs, both in float32. Activation
maps, which are not averaged over places, may differ by as much of their own largest value."""

_REFERENCE_BATCH: Final = 4
_REFERENCE_SEED: Final = 20150001


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """What came of an export.

    Attributes:
        folder: the bundle.
        bundle: its description.
        evaluations: valid under each protocol that fits it, through the app's engine.
        parity: largest difference to torch's outputs on the reference input.
    """

    folder: Path
    bundle: ModelBundle
    evaluations: tuple[Evaluation, ...]
    parity: float

    def manifest(self) -> dict[str, Any]:
        """The bundle's description, ready for JSON."""
        return self.bundle.model_dump(mode="json")


def export(run: RunFolder, train: Faces, valid: Faces, folder: Path, name: str) -> Exported:
    """Make a bundle of a run's best weights.

    Everything is built and checked beside `folder` and moved there at the end: what was there stays
    until then, and stays if anything fails.

    Args:
        run: a finished or unfinished run.
        train: what it was trained on, to be counted.
        valid: what its best epoch was chosen on; for the temperature and the stated figures.
        folder: the bundle's folder; a bundle that is there is replaced.
        name: the bundle's name.

    Raises:
        TrainError: no such run, a teacher that is gone, or the files do not give torch's outputs.
        BundleError: the engine refuses what was made.
        OutputError: `folder` holds something else, or cannot be written.
    """
    net, recipe, epoch = load_run(run)
    if recipe.face:
        raise TrainError(
            f"{run.folder} has learnt features and no expressions yet: train its heir."
        )
    recipe = resolved(recipe, run.folder)
    with staged(folder) as staging:
        deployed = deploy(net, recipe.size)
        parity = write_model(deployed, staging)
        bundle = _describe(name, recipe, epoch, train, valid, deployed, staging)
        write_bundle(staging, bundle)
        evaluations = tuple(_evaluate(staging, valid, provenance.part_name(recipe, valid.part)))
        bundle = bundle.model_copy(update={"metrics": tuple(e.metric for e in evaluations)})
        write_bundle(staging, bundle)
    return Exported(folder, bundle, evaluations, parity)


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A new folder that takes a bundle's place once the body has filled it without an error.

    Raises:
        OutputError: `folder` holds something else than a bundle, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or _is_foreign(folder)):
        raise OutputError(f"{folder} exists and is no bundle; choose another folder.")
    staging = folder.with_name(f".{folder.name}.new")
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        yield staging
        for path in staging.iterdir():
            path.chmod(files.MODE)
        _replace(staging, folder)
    except OSError as error:
        raise OutputError(write_failure(folder, error)) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def write_model(deployed: Deployed, folder: Path) -> float:
    """Write model.onnx, model.pt2 and reference.npz, and hold them against torch.

    Args:
        deployed: the net.
        folder: where to.

    Returns:
        The largest difference between torch's outputs and the files' on the reference input.

    Raises:
        TrainError: the difference is above PARITY, or the app would refuse the program.
    """
    x = reference_input(deployed.size)
    with torch.inference_mode():
        values = [value.numpy() for value in deployed.net(torch.from_numpy(x))]
    expected = dict(zip(deployed.names, values, strict=True))
    np.savez(folder / REFERENCE, allow_pickle=False, x=x, **{deployed.names[0]: values[0]})
    write_onnx(deployed, folder / MODEL)
    apart = [_compare("OpenVINO", found, expected) for found in run_onnx(folder / MODEL, x)]
    write_program(deployed, folder / PROGRAM)
    found = dict(zip(deployed.names, run_program(folder / PROGRAM, x), strict=True))
    return max(*apart, _compare("the torch program", found, expected))


def reference_input(size: int) -> FloatArray:
    """Seeded smooth noise, normalised like faces; nobody's picture: (4, 1, size, size) float32."""
    rng = np.random.default_rng(_REFERENCE_SEED)
    coarse = torch.from_numpy(rng.uniform(0, 255, (_REFERENCE_BATCH, 1, 8, 8)))
    smooth = nn.functional.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)
    x: FloatArray = normalise(smooth.clamp(0, 255)).float().numpy()
    return x


def _compare(engine: str, found: dict[str, FloatArray], expected: dict[str, FloatArray]) -> float:
    """The largest difference in any output; TrainError where it is above PARITY or no number."""
    worst = 0.0
    for name, value in expected.items():
        if found[name].shape != value.shape:
            raise TrainError(
                f"Not exported: {engine} gives {name} of {found[name].shape}, torch {value.shape}."
            )
        apart = float(np.abs(found[name] - value).max())
        if name == CAM:
            apart /= max(1.0, float(np.abs(value).max()))
        if not apart <= PARITY:
            raise TrainError(
                f"Not exported: {name} of {engine} differ from torch's by {apart:.2g} "
                f"(allowed: {PARITY:g})."
            )
        worst = max(worst, apart)
    return worst


def _temperature(deployed: Deployed, valid: Faces) -> float:
    keep, labels = truth(valid, protocols_for(valid)[0])
    batch = torch.from_numpy(valid.images[keep])[:, None]
    return fit_temperature(predict_logits(deployed.logits(), batch, exact=True).numpy(), labels)


def _evaluate(folder: Path, valid: Faces, part: str) -> list[Evaluation]:
    probabilities = bundle_probabilities(folder, valid.images)
    evaluations = []
    for protocol in protocols_for(valid):
        keep, labels = truth(valid, protocol)
        evaluations.append(
            measure(
                probabilities[keep], labels, dataset=valid.dataset, part=part, protocol=protocol
            )
        )
    return evaluations


def _describe(
    name: str,
    recipe: Recipe,
    epoch: int,
    train: Faces,
    valid: Faces,
    deployed: Deployed,
    folder: Path,
) -> ModelBundle:
    data = provenance.training_data(recipe, train)
    return ModelBundle(
        name=name,
        title=recipe.title,
        task="expression",
        labels=EXPRESSIONS,
        input=InputSpec(size=recipe.size),
        outputs=deployed.outputs,
        files={file: sha256(folder / file) for file in (MODEL, PROGRAM, REFERENCE)},
        temperature=_temperature(deployed, valid),
        recipe={**provenance.recipe_values(recipe), "best_epoch": epoch},
        paper=recipe.paper,
        training_data=data,
        licence=provenance.licence(data),
        metrics=(),
        notes=provenance.notes(recipe, valid),
    )


def _is_foreign(folder: Path) -> bool:
    """Whether a folder holds things, but no bundle."""
    return any(folder.iterdir()) and not (folder / MANIFEST).is_file()


def _replace(staging: Path, folder: Path) -> None:
    """Move the new bundle to its place; an old one is removed only once the new one is there."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.replace(old)
    staging.replace(folder)
    shutil.rmtree(old, ignore_errors=True)
