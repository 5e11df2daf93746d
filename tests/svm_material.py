"""Small machines and odds of known numbers, and a bundle of them."""

from pathlib import Path
from typing import Any

import numpy as np

from ferdesk.aus.base import au_values
from ferdesk.core.au_odds import UnitOdds, n_terms
from ferdesk.core.au_svm import CONTEST_INDEX, CONTESTS, WIDTH, AuSvms
from ferdesk.core.bundle import sha256, write_bundle
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.svm_bundle import SVMS, ArrayNote, Asking, Decision, Stack, SvmBundle
from ferdesk.core.svm_file import ARRAYS
from ferdesk.core.types import AuValues

UNITS = (1, 4, 6, 12, 15)
MODEL_HASH = "a" * 64
NEUTRAL, HAPPINESS, SURPRISE, SADNESS = range(4)


def machines(units: tuple[int, ...] = UNITS) -> AuSvms:
    """AU12 speaks for happiness against neutral, AU15 for sadness; everything else is silent."""
    shape = (len(CONTESTS), WIDTH)
    svms = AuSvms(
        units,
        np.full(len(units), 0.5),
        np.full(len(units), 0.25),
        np.zeros((*shape, len(units))),
        np.zeros(shape),
        np.zeros(len(CONTESTS)),
        np.zeros(len(CONTESTS) + 1, np.int64),
        np.zeros((0, len(units))),
        np.zeros((0, WIDTH)),
    )
    svms.weights[CONTEST_INDEX[NEUTRAL, HAPPINESS], 0, units.index(12)] = -2.0
    triple = CONTEST_INDEX[NEUTRAL, HAPPINESS, SADNESS]
    svms.weights[triple, 1, units.index(12)] = 2.0
    svms.weights[triple, 2, units.index(15)] = 3.0
    return svms


def odds(units: tuple[int, ...] = UNITS) -> UnitOdds:
    """Each standard deviation of AU12's root adds one to the log-odds of happiness."""
    weights = np.zeros((len(EXPRESSIONS), n_terms(len(units))))
    weights[HAPPINESS, 1 + units.index(12)] = 1.0
    return UnitOdds(np.full(len(units), 0.5), np.full(len(units), 0.25), weights)


def asking(**changes: Any) -> Asking:
    return Asking(**({"t2": 0.2, "t3": 0.0, "order": "pairs-first"} | changes))


def stack(**changes: Any) -> Stack:
    said = {"t2": 0.2, "t3": 0.0, "order": "pairs-first", "evidence": "machines"}
    said |= {"own2": 1.0, "units2": 0.5, "own3": 1.0, "units3": 0.5, "least": 0.0}
    return Stack(**(said | changes))


def values(activations: dict[int, float], *, reliable: bool = True) -> AuValues:
    rest = dict.fromkeys(UNITS, 0.5)
    return au_values("drawn", rest | activations, {}, 0.0, reliable)


def arrays(svms: AuSvms, unit_odds: UnitOdds) -> dict[str, np.ndarray]:
    found = {name: getattr(svms, name) for name in ARRAYS if hasattr(svms, name)}
    found["root_mean"], found["root_deviation"] = unit_odds.mean, unit_odds.deviation
    found["odds"] = unit_odds.weights[None]
    return found


def write(folder: Path, **changes: Any) -> Path:
    """A bundle, with some arrays as given; what its description says fits the file."""
    folder.mkdir(parents=True, exist_ok=True)
    content = arrays(machines(), odds()) | changes
    np.savez(folder / SVMS, **{name: value for name, value in content.items() if value is not None})
    return describe(folder)


def describe(folder: Path) -> Path:
    """Write the description of the svm.npz that lies there."""
    decision = Decision(
        expression="a-net", model=MODEL_HASH, use="stacked", plain=asking(), stacked=stack()
    )
    bundle = SvmBundle(
        name=folder.name,
        title="drawn",
        task="au_svm",
        labels=EXPRESSIONS,
        estimator="drawn",
        units=UNITS,
        arrays={name: ArrayNote(shape=(1,), meaning=s.meaning) for name, s in ARRAYS.items()},
        files={SVMS: sha256(folder / SVMS)},
        recipe={},
        paper="",
        training_data=(),
        licence="",
        decisions=(decision,),
        results=(),
    )
    write_bundle(folder, bundle)
    return folder
