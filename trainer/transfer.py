"""Features of a net that was trained on something else, and a linear SVM on them.

G. Kyritsis, "Deep Models and Transfer Learning for Facial Emotion Recognition", master thesis,
EPFL; section 7.10.1, figure 7.5, table 7.2.
"""

import hashlib
import json
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from ferdesk.core.errors import OutputError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.preprocess import normalise
from ferdesk.core.types import FloatArray, ImageU8
from trainer import files
from trainer.datasets.base import DROPPED, Faces, Labels
from trainer.errors import StoppedError, TrainError, write_failure
from trainer.evaluate import bootstrap_interval, protocols_for, top_k, truth
from trainer.nets import build_net
from trainer.nets.pretrained import FeatureNet
from trainer.precision import autocast, default_device
from trainer.recipes.kyritsis_transfer import FeatureRecipe
from trainer.runs import RunFolder
from trainer.signals import Stop, stop_signals
from trainer.weights import load_weights

C_VALUES: Final = (1e-5, 1e-4, 1e-3, 1e-2)
"""Small ones: of thousands of standardised features, few must be allowed to matter."""

CHOOSE_ON: Final = 4_000
"""C is chosen on at most so many faces; on all, it would take longer than the features."""

_FOLDS: Final = 3
_ITERATIONS: Final = 3_000
_CHUNK: Final = 2_048  # faces a file, so that an interruption costs little
_BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class Score:
    """Accuracy on one part under one protocol.

    Attributes:
        protocol: how votes became labels; "label" for a set without votes.
        n: faces.
        accuracy: 0..1.
        accuracy_ci95: its 95 % bootstrap interval.
        top2: share of faces whose label is among the two classes with the largest decision values.
        top3: the same of three.
    """

    protocol: str
    n: int
    accuracy: float
    accuracy_ci95: tuple[float, float]
    top2: float
    top3: float


@dataclass(frozen=True, slots=True)
class TransferResult:
    """What came of a feature recipe.

    Attributes:
        recipe: as it was run.
        dimension: numbers a face.
        train: faces learnt from.
        limit: how many faces of each part were asked for, None for all.
        device: where the features were computed.
        skipped: what was left out of the data and why, one line each.
        part: what the scores are of.
        c: the SVM's C.
        cross_validated: its mean accuracy in the cross-validation that chose it.
        converged: whether the SVM's solver came to its end.
        scores: one a protocol.
        fresh: weights that were not in the file.
    """

    recipe: FeatureRecipe
    dimension: int
    train: int
    limit: int | None
    device: str
    skipped: tuple[str, ...]
    part: str
    c: float
    cross_validated: float
    converged: bool
    scores: tuple[Score, ...]
    fresh: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def run_features(
    recipe: FeatureRecipe, train: Faces, valid: Faces, folder: Path, *, limit: int | None = None
) -> TransferResult:
    """Compute features of both parts, train an SVM on one and judge it on the other.

    Features are kept in `folder`, some thousand faces a file, and used again while net, weights
    and pictures are the same.

    Args:
        recipe: names net, weights and layer.
        train: what the SVM learns from.
        valid: what it is judged on.
        folder: where features and features.json go.
        limit: of each part, use so many faces, picked by the recipe's seed.

    Raises:
        TrainError: the net has no such layer, the weights or patches do not fit it, too few faces
            have a label, or a file in `folder` is damaged.
        StoppedError: SIGINT or SIGTERM; the finished files are kept.
        OutputError: `folder` cannot be written.
    """
    net, fresh = feature_net(recipe)
    skipped = dict.fromkeys((*train.skipped, *valid.skipped))
    train, valid = (_limited(_labelled(f), limit, recipe.seed) for f in (train, valid))
    _check(recipe, train, valid)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(write_failure(folder, error)) from error
    with stop_signals() as stop:
        x = part_features(net, recipe.layer, train, folder, stop)
        asked = part_features(net, recipe.layer, valid, folder, stop)
    c, cross_validated = choose_c(x, train.labels, recipe.seed)
    svm, converged = fit_svm(x, train.labels, c, recipe.seed)
    result = TransferResult(
        recipe,
        x.shape[1],
        len(x),
        limit,
        str(default_device()),
        tuple(skipped),
        valid.part,
        c,
        cross_validated,
        converged,
        tuple(scores(decisions(svm, asked), valid)),
        tuple(fresh),
    )
    text = json.dumps(result.to_dict(), indent=2, ensure_ascii=False)
    files.write_text(RunFolder(folder).features, text + "\n")
    return result


def feature_net(recipe: FeatureRecipe) -> tuple[FeatureNet, list[str]]:
    """A recipe's net with its weights, in eval mode on the device, and what was left fresh.

    Raises:
        TrainError: no such net, a net without named layers, no weights, or weights of another net.
    """
    torch.manual_seed(recipe.seed)
    net = build_net(recipe.net, size=recipe.size, dropout=0.0)  # which plays no part here
    if not isinstance(net, FeatureNet):
        raise TrainError(
            f"{recipe.net} names no layers to take features from; vgg16-224, resnet50-224 and "
            "inceptionv3-299 do."
        )
    if recipe.layer not in net.layers:
        raise TrainError(
            f"{recipe.net} has no layer {recipe.layer!r}. Known: {', '.join(net.layers)}."
        )
    if not recipe.weights:
        raise TrainError("Features of fresh weights say nothing: name others with --weights FILE.")
    fresh = load_weights(net, recipe.weights, recipe.net)
    net.to(default_device()).eval()
    return net, fresh


def part_features(
    net: FeatureNet, layer: str, faces: Faces, folder: Path, stop: Stop
) -> FloatArray:
    """A layer's outputs for all faces of a part: (n, d) float32.

    Args:
        net: in eval mode, on the device.
        layer: which one.
        faces: not augmented; normalised as the app does.
        folder: where the outputs are kept, or found.
        stop: a wish to stop, heeded between batches.

    Raises:
        StoppedError: it was wished; the files written so far are kept.
        TrainError: a file is damaged, or the net's outputs are not finite.
    """
    digest = _digest(net)
    chunks: list[FloatArray] = []
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"{layer}, {faces.part}", total=len(faces))
        for number, begin in enumerate(range(0, len(faces), _CHUNK)):
            images = np.ascontiguousarray(faces.images[begin : begin + _CHUNK])
            path = folder / f"{layer}-{faces.part}-{number:04d}.npz"
            key = hashlib.sha256(f"{digest} {layer}".encode() + images.tobytes()).hexdigest()
            found = _kept(path, key, len(images))
            if found is None:
                parts = []
                for part in _compute(net, layer, images):
                    if stop.signum:
                        raise StoppedError(_stopped(folder), stop.signum)
                    parts.append(part)
                    bar.advance(task, len(part))
                found = np.concatenate(parts)
                _keep(path, found, key)
            chunks.append(found)
            bar.update(task, completed=begin + len(images))
    return np.concatenate(chunks)


def choose_c(x: FloatArray, labels: Labels, seed: int) -> tuple[float, float]:
    """The C with the best accuracy in a cross-validation, and that accuracy.

    Args:
        x: (n, d) float32.
        labels: (n,) int64.
        seed: of the folds, and of which faces are used where there are more than CHOOSE_ON.
    """
    picked = np.random.default_rng(seed).permutation(len(x))[:CHOOSE_ON]
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class")
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last fit is what is reported
        means = [
            float(
                cross_val_score(
                    _svm(c, seed), x[picked], labels[picked], cv=folds, error_score="raise"
                ).mean()
            )
            for c in C_VALUES
        ]
    best = int(np.argmax(means))  # the first of equals, which is the smoothest
    return C_VALUES[best], means[best]


def fit_svm(x: FloatArray, labels: Labels, c: float, seed: int) -> tuple[Pipeline, bool]:
    """Standardise, then one linear SVM for each class against the rest.

    Returns:
        The two steps, fitted, and whether the solver converged.
    """
    svm = _svm(c, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        svm.fit(x, labels)
    return svm, int(np.max(svm[-1].n_iter_)) < _ITERATIONS


def decisions(svm: Pipeline, x: FloatArray) -> FloatArray:
    """Decision values of all eight expressions: (n, 8) float32, -inf for those never seen."""
    raw = svm.decision_function(x)
    if raw.ndim == 1:  # of two classes, scikit-learn gives the second's side only
        raw = np.stack([-raw, raw], axis=1)
    values = np.full((len(x), len(EXPRESSIONS)), -np.inf, np.float32)
    values[:, svm.classes_] = raw
    return values


def scores(values: FloatArray, faces: Faces) -> Iterator[Score]:
    """Accuracy under each protocol that the faces' set has.

    Args:
        values: (n, 8), the larger the likelier.
        faces: n of them.
    """
    for protocol in protocols_for(faces):
        keep, labels = truth(faces, protocol)
        said = values[keep]
        accuracy = float((said.argmax(axis=1) == labels).mean())
        interval = bootstrap_interval(accuracy, len(labels))
        tops = top_k(said, labels, 2), top_k(said, labels, 3)
        yield Score(protocol, len(labels), accuracy, interval, *tops)


def _svm(c: float, seed: int) -> Pipeline:
    return make_pipeline(
        StandardScaler(),
        LinearSVC(C=c, dual="auto", max_iter=_ITERATIONS, random_state=seed),
    )


@torch.inference_mode()
def _compute(net: FeatureNet, layer: str, images: ImageU8) -> Iterator[FloatArray]:
    """Batch after batch: (b, d) float32."""
    device = default_device()
    for batch in torch.split(torch.from_numpy(images)[:, None], _BATCH):
        x = normalise(batch.to(device).float()).contiguous(memory_format=torch.channels_last)
        with autocast(device):
            found: FloatArray = net.features(x, layer).float().cpu().numpy()
        if not np.isfinite(found).all():
            raise TrainError(f"{layer} gives values that are not finite; its weights are unsound.")
        yield found


def _digest(net: FeatureNet) -> str:
    """What tells a net's weights from others."""
    digest = hashlib.blake2b()
    for key, value in net.state_dict().items():
        digest.update(key.encode())
        digest.update(value.cpu().contiguous().reshape(-1).numpy())
    return digest.hexdigest()


def _keep(path: Path, features: FloatArray, key: str) -> None:
    def write(temporary: Path) -> None:
        np.savez(temporary, allow_pickle=False, features=features, key=np.array(key))

    files.write_with(path, write)


def _kept(path: Path, key: str, n: int) -> FloatArray | None:
    """What an earlier call computed for the same net and pictures, or None."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as content:
            if str(content["key"]) != key:
                return None
            features: FloatArray = content["features"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise TrainError(f"{path} is damaged: expected features, delete it.") from error
    if features.ndim != 2 or len(features) != n or features.dtype != np.float32:
        raise TrainError(
            f"{path}: expected {n} rows of float32, found {features.shape} {features.dtype}; "
            "delete it."
        )
    return features


def _stopped(folder: Path) -> str:
    return f"Stopped; the features so far are in {folder}. Go on with the same command."


def _labelled(faces: Faces) -> Faces:
    return faces.pick(faces.labels != DROPPED)


def _limited(faces: Faces, limit: int | None, seed: int) -> Faces:
    if limit is None or limit >= len(faces):
        return faces
    picked = np.random.default_rng(seed).permutation(len(faces))[:limit]
    return faces.pick(np.sort(picked).astype(np.int64))


def _check(recipe: FeatureRecipe, train: Faces, valid: Faces) -> None:
    """Refuse patches of another size, and too few faces for a cross-validation."""
    for faces in (train, valid):
        if len(faces) == 0:
            raise TrainError(f"No face of the {faces.part} part of {faces.dataset} has a label.")
        if faces.images.shape[1] != recipe.size:
            raise TrainError(
                f"{recipe.name} takes patches of {recipe.size} pixels, but the images of "
                f"{faces.dataset} are {faces.images.shape[1]} wide."
            )
    counts = np.bincount(train.labels, minlength=len(EXPRESSIONS))
    if (counts >= _FOLDS).sum() < 2:
        raise TrainError(
            f"Too few faces to learn from: two expressions with {_FOLDS} each are needed, found "
            f"{', '.join(map(str, counts))} faces of the eight."
        )
