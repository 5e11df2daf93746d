"""From a run to a bundle that the app loads: model.onnx, reference.npz and bundle.json."""

import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from ferdesk.core.bundle import (
    MANIFEST,
    REFERENCE,
    InputSpec,
    ModelBundle,
    OutputSpec,
    TrainingData,
    sha256,
    write_bundle,
)
from ferdesk.core.errors import OutputError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.preprocess import normalise
from ferdesk.core.types import FloatArray
from ferdesk.engines.openvino_cpu import OpenVinoEngine
from trainer import files
from trainer.calibrate import fit_temperature
from trainer.datasets import protocols
from trainer.datasets.ferplus import TERMS, FerPlus
from trainer.datasets.protocols import PROTOCOLS
from trainer.errors import TrainError, write_failure
from trainer.evaluate import Evaluation, bundle_probabilities, measure, truth
from trainer.predict import load_run, predict_logits
from trainer.recipes import Recipe
from trainer.runs import RunFolder

OPSET: Final = 18
PARITY: Final = 1e-4
"""Largest difference between a logit of torch's and of the app's engine, both in float32."""

MODEL: Final = "model.onnx"
_REFERENCE_BATCH: Final = 4
_REFERENCE_SEED: Final = 20150001
_LICENCE: Final = (
    "Weights: Apache-2.0. They were made from FER2013 images, whose own terms are research use."
)


@dataclass(frozen=True, slots=True, eq=False)
class Exported:
    """What came of an export.

    Attributes:
        folder: the bundle.
        bundle: its description.
        evaluations: valid under each protocol, through the app's engine.
        parity: largest difference between torch's and the engine's logits on the reference.
    """

    folder: Path
    bundle: ModelBundle
    evaluations: tuple[Evaluation, ...]
    parity: float

    def manifest(self) -> dict[str, Any]:
        """The bundle's description, ready for JSON."""
        return self.bundle.model_dump(mode="json")


def export(run: RunFolder, train: FerPlus, valid: FerPlus, folder: Path, name: str) -> Exported:
    """Make a bundle of a run's best weights.

    Everything is built and checked beside `folder` and moved there at the end: what was there stays
    until then, and stays if anything fails.

    Args:
        run: a finished or unfinished run.
        train: what it was trained on, to be counted.
        valid: for the temperature and the stated figures.
        folder: the bundle's folder; a bundle that is there is replaced.
        name: the bundle's name.

    Raises:
        TrainError: no such run, or the engine's logits are not torch's.
        BundleError: the engine refuses what was made.
        OutputError: `folder` holds something else, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or _is_foreign(folder)):
        raise OutputError(f"{folder} exists and is no bundle; choose another folder.")
    net, recipe, epoch = load_run(run)
    staging = folder.with_name(f".{folder.name}.new")
    try:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
        parity = write_model(net, recipe.size, staging)
        temperature = _temperature(net, valid)
        bundle = _describe(name, recipe, epoch, train, temperature, staging)
        write_bundle(staging, bundle)
        evaluations = tuple(_evaluate(staging, valid))
        bundle = bundle.model_copy(update={"metrics": tuple(e.metric for e in evaluations)})
        write_bundle(staging, bundle)
        for path in staging.iterdir():
            path.chmod(files.MODE)
        _replace(staging, folder)
    except OSError as error:
        raise OutputError(write_failure(folder, error)) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Exported(folder, bundle, evaluations, parity)


def write_model(net: nn.Module, size: int, folder: Path) -> float:
    """Write model.onnx and reference.npz, with half-precision weights if that loses nothing.

    The net's own weights are rounded to what was stored, so that it can stand for the file.

    Args:
        net: in eval mode, on the CPU.
        size: side of its patches in pixels.
        folder: where to.

    Returns:
        The largest difference between torch's logits and the engine's on the reference input.

    Raises:
        TrainError: the difference is above PARITY even with full-precision weights.
    """
    x = reference_input(size)
    path = folder / MODEL
    halved = all(_survives_half(p) for p in net.parameters())
    if halved:
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.copy_(parameter.half().float())
    model = _to_onnx(net, size)
    if halved:
        _store_halves(model)
    onnx.checker.check_model(model, full_check=True)
    files.write_bytes(path, model.SerializeToString(deterministic=True))
    with torch.inference_mode():
        logits = net(torch.from_numpy(x)).numpy()
    parity = _difference(path, x, logits)
    if parity > PARITY:
        raise TrainError(
            f"Not exported: OpenVINO's logits differ from torch's by {parity:.2g} "
            f"(allowed: {PARITY:g})."
        )
    np.savez(folder / REFERENCE, allow_pickle=False, x=x, logits=logits)
    return parity


def reference_input(size: int) -> FloatArray:
    """Seeded smooth noise, normalised like faces; nobody's picture: (4, 1, size, size) float32."""
    rng = np.random.default_rng(_REFERENCE_SEED)
    coarse = torch.from_numpy(rng.uniform(0, 255, (_REFERENCE_BATCH, 1, 8, 8)))
    smooth = nn.functional.interpolate(coarse, (size, size), mode="bicubic", align_corners=False)
    x: FloatArray = normalise(smooth.clamp(0, 255)).float().numpy()
    return x


def _survives_half(parameter: torch.Tensor) -> bool:
    return bool(torch.isfinite(parameter.detach().half()).all())


def _to_onnx(net: nn.Module, size: int) -> onnx.ModelProto:
    example = torch.zeros(2, 1, size, size)
    batch = torch.export.Dim("batch", min=1, max=1024)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's notes are on its own inner workings
        program = torch.onnx.export(
            net,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["x"],
            output_names=["logits"],
            dynamic_shapes={"x": {0: batch}},
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise TrainError("Not exported: torch gave no ONNX program.")
    model = program.model_proto
    _strip(model)
    return model


def _strip(model: onnx.ModelProto) -> None:
    """Take out the notes that the exporter leaves: they hold paths of this machine."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.initializer, *graph.value_info):
        del part.metadata_props[:]
        part.doc_string = ""
    for value in (*graph.input, *graph.output):
        del value.metadata_props[:]
        value.doc_string = ""


def _store_halves(model: onnx.ModelProto) -> None:
    """Keep float weights as float16 and cast them when the net is loaded: half the file."""
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        name = tensor.name
        half = numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16))
        tensor.CopyFrom(half)
        tensor.name = f"{name}.half"
        casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _difference(path: Path, x: FloatArray, logits: FloatArray) -> float:
    """Against the engine, as one batch and one by one."""
    engine = OpenVinoEngine(path)
    try:
        together = engine.run(x)["logits"]
        alone = np.concatenate([engine.run(x[i : i + 1])["logits"] for i in range(len(x))])
    finally:
        engine.close()
    return float(max(np.abs(together - logits).max(), np.abs(alone - logits).max()))


def _temperature(net: nn.Module, valid: FerPlus) -> float:
    keep, labels = truth(valid, "plurality")
    logits = predict_logits(net, torch.from_numpy(valid.images[keep])[:, None], exact=True)
    return fit_temperature(logits.numpy(), labels)


def _evaluate(folder: Path, valid: FerPlus) -> list[Evaluation]:
    probabilities = bundle_probabilities(folder, valid.images)
    evaluations = []
    for protocol in PROTOCOLS:
        keep, labels = truth(valid, protocol)
        result = measure(probabilities[keep], labels, part=valid.part, protocol=protocol)
        evaluations.append(result)
    return evaluations


def _describe(
    name: str, recipe: Recipe, epoch: int, train: FerPlus, temperature: float, folder: Path
) -> ModelBundle:
    used = int((protocols.labels(train.votes, "plurality") != protocols.DROPPED).sum())
    values: dict[str, Any] = recipe.model_dump(exclude={"title", "paper"})
    return ModelBundle(
        name=name,
        title=recipe.title,
        task="expression",
        labels=EXPRESSIONS,
        input=InputSpec(size=recipe.size),
        outputs=(OutputSpec(name="logits", shape=(len(EXPRESSIONS),)),),
        files={file: sha256(folder / file) for file in (MODEL, REFERENCE)},
        temperature=temperature,
        recipe={**values, "best_epoch": epoch},
        paper=recipe.paper,
        training_data=(
            TrainingData(name="FER+ (FER2013)", part=train.part, images=used, terms=TERMS),
        ),
        licence=_LICENCE,
        metrics=(),
        notes=(
            "The epoch was chosen by plurality accuracy on valid, and the temperature fitted to "
            "valid's plurality labels by negative log-likelihood; the metrics are of the same "
            "part, so those chosen on it flatter a little. Faces were FER2013's own 48 x 48 crops."
        ),
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
