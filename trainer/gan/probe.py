"""How much of identity and of expression a linear classifier finds in what a net makes of a face.

G. Alain, Y. Bengio. "Understanding Intermediate Layers Using Linear Classifier Probes." ICLR
Workshop 2017. What DE-GAN is after: f(x) tells the expression and not the person.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import RidgeClassifierCV
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.preprocess import normalise
from ferdesk.core.types import FloatArray
from trainer.datasets.base import DROPPED, Faces
from trainer.errors import TrainError
from trainer.nets.ali2020 import Encoder
from trainer.precision import default_device

Question = Literal["identity", "expression"]
FOLDS: Final = 4
_ALPHAS: Final = tuple(10.0**power for power in range(0, 7))
_BATCH: Final = 256


@dataclass(frozen=True, slots=True)
class Probed:
    """What a linear probe finds.

    Attributes:
        features: of which net, or of pixels.
        question: what is asked for.
        dimension: numbers a face.
        n: faces, each answered by a probe that had not seen it.
        classes: how many answers there are.
        accuracy: 0..1.
        balanced: mean over the classes of the share that is right.
        chance: the largest class's share, which asks for no features.
    """

    features: str
    question: Question
    dimension: int
    n: int
    classes: int
    accuracy: float
    balanced: float
    chance: float

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def probe_all(
    faces: Faces, features: Sequence[tuple[str, FloatArray]], *, seed: int = 0
) -> list[Probed]:
    """Ask each set of features for both.

    Args:
        faces: n, of people that none of the nets has seen.
        features: names, and (n, d) numbers each.
        seed: of the cut into folds.

    Raises:
        TrainError: too few faces of two people or of two expressions.
    """
    return [
        probe(name, values, faces, question, seed=seed)
        for question in ("identity", "expression")
        for name, values in features
    ]


def probe(
    name: str, features: FloatArray, faces: Faces, question: Question, *, seed: int = 0
) -> Probed:
    """Fit ridge classifiers on three of four folds and ask them about the last.

    Folds for identities divide each person's pictures; those for expressions divide people, so that
    nobody is in two of them, and knowing a person does not help.

    Args:
        name: of the features.
        features: (n, d).
        faces: n of them.
        question: what is asked for.
        seed: of the cut.

    Raises:
        TrainError: too few faces of two people or of two expressions.
    """
    wanted = np.array(faces.subjects) if question == "identity" else faces.labels
    kept = _enough(wanted, faces, question)
    x, y, people = features[kept], wanted[kept], np.array(faces.subjects)[kept]
    predicted = np.empty_like(y)
    for learnt, asked in _cut(x, y, people, question, seed):
        model = make_pipeline(StandardScaler(), RidgeClassifierCV(_ALPHAS))
        predicted[asked] = model.fit(x[learnt], y[learnt]).predict(x[asked])
    _, counts = np.unique(y, return_counts=True)
    return Probed(
        name,
        question,
        x.shape[1],
        len(y),
        len(counts),
        float((predicted == y).mean()),
        float(balanced_accuracy_score(y, predicted)),
        float(counts.max() / len(y)),
    )


@torch.inference_mode()
def encoded(encode: Callable[[Tensor], Tensor] | Encoder, faces: Faces) -> FloatArray:
    """What an encoder makes of faces: (n, d) float32.

    Args:
        encode: from (n, 1, size, size) float, normalised; a net in eval mode.
        faces: of the size it takes.
    """
    device = default_device()
    if isinstance(encode, Encoder):
        encode = encode.to(device).eval()
    parts = [
        encode(normalise(chunk.to(device).float())).float().cpu()
        for chunk in torch.split(torch.from_numpy(faces.images)[:, None], _BATCH)
    ]
    found: FloatArray = torch.cat(parts).numpy()
    return found


def pixels(faces: Faces) -> FloatArray:
    """The patches themselves, normalised: (n, size * size) float32."""
    found: FloatArray = normalise(faces.images[:, None].astype(np.float32))
    return found.reshape(len(faces), -1)


def _enough(wanted: NDArray[Any], faces: Faces, question: Question) -> NDArray[np.bool_]:
    """The faces whose answer is known and given by as many as there are folds.

    Of an expression it is people that count, for they are what the folds divide.
    """
    who = np.array(faces.subjects or [""] * len(faces))
    known = (who != "") & (faces.labels != DROPPED)
    kept = np.zeros(len(faces), bool)
    for answer in np.unique(wanted[known]):
        of_it = known & (wanted == answer)
        enough = of_it.sum() if question == "identity" else len(np.unique(who[of_it]))
        if enough >= FOLDS:
            kept |= of_it
    if len(np.unique(wanted[kept])) < 2:
        what = "people" if question == "identity" else "expressions"
        several = "pictures" if question == "identity" else "people"
        raise TrainError(
            f"A probe for {question} needs two {what} with {FOLDS} {several} each; "
            f"{faces.dataset} has too few in its {faces.part} part."
        )
    return kept


def _cut(
    x: FloatArray, y: NDArray[Any], people: NDArray[Any], question: Question, seed: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    if question == "identity":
        yield from StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, y)
    else:
        grouped = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
        yield from grouped.split(x, y, groups=people)


def expressions_of(faces: Faces) -> dict[str, int]:
    """How many faces show each expression, those that are there."""
    counts = np.bincount(faces.labels[faces.labels != DROPPED], minlength=len(EXPRESSIONS))
    return {name: int(n) for name, n in zip(EXPRESSIONS, counts, strict=True) if n}
