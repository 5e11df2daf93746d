"""Fitting, tuning and writing a bundle of machines on action units, with its results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from ferdesk.core.au_odds import UnitOdds
from ferdesk.core.au_svm import AuSvms, Doubles
from ferdesk.core.bundle import MODEL, TrainingData, sha256, write_bundle
from ferdesk.core.errors import DataError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.svm_bundle import (
    SVMS,
    ArrayNote,
    Decision,
    Stack,
    SvmBundle,
    SvmResult,
    read_svm_bundle,
)
from ferdesk.core.svm_file import ARRAYS
from ferdesk.core.types import FloatArray
from ferdesk.disambiguate import SMALLEST
from trainer import provenance
from trainer.au_svm import KERNEL_ROWS, Choice, fit_svms
from trainer.datasets import DATASETS
from trainer.evaluate import truth
from trainer.export import staged
from trainer.labelling import VOTE_PROTOCOLS
from trainer.recipes import kyritsis
from trainer.svm_data import (
    FERPLUS,
    PHOTOGRAPHS,
    Material,
    Net,
    UnitSet,
    answers,
    learnt_people,
    open_net,
    unit_set,
    units_in,
)
from trainer.svm_odds import PENALTY, fit_odds
from trainer.svm_results import (
    ALONE,
    FOLDS,
    MACHINES,
    STACKED,
    TRIPLES,
    TUNERS,
    cross_fitted,
    result,
    tuned_on,
)
from trainer.svm_stack import Answers, Judged, Model, Tuned

PAPER: Final = f"{kyritsis.PAPER} Chapter 8 and table 3.1."
SHARES: Final = (0.0, 0.5, 0.75, 1.0)
"""How much of a net's log-odds is given when it is learnt what all units add to them. A net knows
the images that it was trained on better than others, so all of them is too much for some nets."""
_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class Request:
    """What a fit needs.

    Attributes:
        data: FER+ in one of its layouts.
        aus: the table of its train part's action units.
        valid_aus: that of its valid part's.
        nets: expression bundles to tune for, by name or folder.
        output: the bundle's folder; also its name.
        photographs: a folder or zip of the data set "faces", for results at native resolution.
        photograph_aus: the table of their action units.
        skip_bad: leave bad rows and images out.
    """

    data: Path
    aus: Path
    valid_aus: Path
    nets: tuple[str, ...]
    output: Path
    photographs: Path | None = None
    photograph_aus: Path | None = None
    skip_bad: bool = False


class _Fitted(NamedTuple):
    """What is learnt from FER+ train.

    Attributes:
        estimator: whose units.
        svms: the machines.
        choices: how they are made.
        train: the faces.
    """

    estimator: str
    svms: AuSvms
    choices: tuple[Choice, ...]
    train: UnitSet


class _Beside(NamedTuple):
    """What belongs to one net: its entry, the odds it goes with, and what was measured."""

    decision: Decision
    odds: UnitOdds
    results: tuple[SvmResult, ...]
    note: str


def fit_bundle(request: Request) -> SvmBundle:
    """Fit machines, tune them for each net, measure, and write the bundle.

    Machines and odds are learnt from FER+ train; thresholds and weights are chosen on all of FER+
    valid, and reported on it cross-fitted.

    Raises:
        DataError: a data set or table cannot be read, or they do not go together.
        BundleError: an expression bundle is missing or not sound.
        OutputError: the folder holds something else, or cannot be written.
    """
    material = Material(skip_bad=request.skip_bad)
    nets = [open_net(name) for name in request.nets]
    given = (request.aus, request.valid_aus, request.photograph_aus)
    tables = [material.table(path) for path in given if path is not None]
    if len({table.estimator for table in tables}) > 1:
        said = ", ".join(dict.fromkeys(table.estimator for table in tables))
        raise DataError(f"The tables are of different estimators: {said}.")
    units = units_in(tables[0])
    size = nets[0].size
    train = unit_set(material.part(request.data, "train", size), tables[0], units)
    # Read before the long part, in which nobody wants to hear that they do not fit.
    unit_set(material.part(request.data, "valid", size), tables[1], units)
    activations = tables[0].at(train.faces.names).activation[train.usable]
    svms, choices = fit_svms(activations, train.labels[train.usable], units, _SEED)
    fitted = _Fitted(tables[0].estimator, svms, choices, train)
    besides = [_beside(net, fitted, material, request) for net in nets]
    return _write(request, fitted, besides)


def _beside(net: Net, fitted: _Fitted, material: Material, request: Request) -> _Beside:
    train = unit_set(
        material.part(request.data, "train", net.size),
        material.table(request.aus),
        fitted.svms.units,
    )
    valid = unit_set(
        material.part(request.data, "valid", net.size),
        material.table(request.valid_aus),
        fitted.svms.units,
    )
    odds = odds_beside(train, answers(net, train.faces))
    models: dict[str, Model] = {MACHINES: fitted.svms, **odds}
    faces = valid.judged(answers(net, valid.faces), models)
    crossed = cross_fitted(faces)
    plain, stacked = TUNERS[TRIPLES](faces), TUNERS[STACKED](faces)
    right = {name: int((given.chosen == faces.labels).sum()) for name, given in crossed.items()}
    decision = Decision(
        expression=net.bundle.name,
        model=net.bundle.files[MODEL],
        use="plain" if right[TRIPLES] > max(right[STACKED], right[ALONE]) else "stacked",
        plain=plain.asking,
        stacked=never_worse(stacked, right[STACKED] >= right[ALONE]),
    )
    results = list(_valid_results(net, fitted.estimator, valid, faces, crossed))
    if request.photographs is not None and request.photograph_aus is not None:
        results += _photograph_results(net, fitted, material, request, models, faces)
    source = "" if stacked.source == MACHINES else stacked.source
    note = f"{net.bundle.name}: {source or 'the machines alone'}"
    return _Beside(decision, odds.get(source, odds[share_name(0.0)]), tuple(results), note)


def share_name(share: float) -> str:
    """What odds are called that were learnt beside a share of a net's log-odds."""
    return f"units beside {share:g} of the net's log-odds"


def odds_beside(train: UnitSet, probabilities: FloatArray) -> dict[str, UnitOdds]:
    """What all units add to each share of a net's log-odds, by the share's name.

    Args:
        train: faces that are learnt from.
        probabilities: (n, 8) the net's.
    """
    rows = train.usable
    logs: Doubles = np.log(np.maximum(probabilities[rows], SMALLEST).astype(np.float64))
    return {
        share_name(share): fit_odds(train.activations[rows], train.labels[rows], share * logs)
        for share in SHARES
    }


def never_worse(stacked: Tuned, wins: bool) -> Stack:
    """The stack, or one that never asks where it lost to the net alone.

    Args:
        stacked: what was tuned.
        wins: whether it did at least as well as the net, cross-fitted.
    """
    stack = stacked.asking
    if not isinstance(stack, Stack):
        raise TypeError("a stack was expected")
    return stack if wins else stack.model_copy(update={"t2": 0.0, "t3": 0.0})


def _valid_results(
    net: Net,
    estimator: str,
    valid: UnitSet,
    faces: Judged,
    crossed: Mapping[str, Answers],
) -> list[SvmResult]:
    """Cross-fitted figures under each protocol; tuned to plurality labels under both."""
    found = []
    for protocol in VOTE_PROTOCOLS:
        keep, labels = truth(valid.faces, protocol)
        found += [
            result(
                faces.own[keep],
                Answers(given.chosen[keep], given.contested[keep]),
                labels,
                faces.usable[keep],
                expression=net.bundle.name,
                estimator=estimator,
                dataset=FERPLUS,
                part="valid",
                protocol=protocol,
                tuned=f"cross-fitted, {FOLDS} folds",
                algorithm=name,
            )
            for name, given in crossed.items()
        ]
    return found


def _photograph_results(
    net: Net,
    fitted: _Fitted,
    material: Material,
    request: Request,
    models: dict[str, Model],
    valid: Judged,
) -> list[SvmResult]:
    """Figures on photographs of people that nothing was tuned on."""
    if request.photographs is None or request.photograph_aus is None:
        return []
    whole = unit_set(
        material.photographs(request.photographs, net.size),
        material.table(request.photograph_aus),
        fitted.svms.units,
    )
    known = learnt_people(whole.faces)
    if known.all() or not known.any():
        raise DataError(f"{request.photographs} needs people to tune on and others to report on.")
    judged = whole.judged(answers(net, whole.faces), models)
    reported, own = judged.pick(~known), judged.pick(known)
    return [
        result(
            reported.own,
            given,
            reported.labels,
            reported.usable,
            expression=net.bundle.name,
            estimator=fitted.estimator,
            dataset=PHOTOGRAPHS,
            part="three tenths of the people, by hash of the identity",
            protocol="label",
            tuned=tuned,
            algorithm=name,
        )
        for tuned, chosen in (("FER+ valid", valid), ("photographs of the other people", own))
        for name, given in tuned_on(chosen, reported).items()
    ]


def _write(request: Request, fitted: _Fitted, besides: Sequence[_Beside]) -> SvmBundle:
    first = besides[0].odds
    values = {name: getattr(fitted.svms, name) for name in ARRAYS if hasattr(fitted.svms, name)}
    values |= {
        "root_mean": first.mean,
        "root_deviation": first.deviation,
        "odds": np.stack([beside.odds.weights for beside in besides]),
    }
    faces = int(fitted.train.usable.sum())
    data = (
        TrainingData(
            name=DATASETS.get(FERPLUS).title,
            part="train",
            images=faces,
            terms=DATASETS.get(FERPLUS).terms,
        ),
    )
    kernels = sum(choice.gamma > 0 for choice in fitted.choices)
    with staged(request.output) as staging:
        np.savez_compressed(staging / SVMS, allow_pickle=False, **values)
        bundle = SvmBundle(
            name=request.output.resolve().name,
            title=f"Machines on the action units of {fitted.estimator}",
            task="au_svm",
            labels=EXPRESSIONS,
            estimator=fitted.estimator,
            units=fitted.svms.units,
            arrays={
                name: ArrayNote(shape=values[name].shape, meaning=spec.meaning)
                for name, spec in ARRAYS.items()
            },
            files={SVMS: sha256(staging / SVMS)},
            recipe={
                "protocol": "plurality",
                "linear_contests": len(fitted.choices) - kernels,
                "kernel_contests": kernels,
                "kernel_rows": KERNEL_ROWS,
                "odds_penalty": PENALTY,
                "folds": FOLDS,
                "seed": _SEED,
            },
            paper=PAPER,
            training_data=data,
            licence=provenance.licence(data),
            decisions=tuple(beside.decision for beside in besides),
            results=tuple(one for beside in besides for one in beside.results),
            notes=_notes(besides),
        )
        write_bundle(staging, bundle)
        read_svm_bundle(staging, fitted.estimator)
    return bundle


def _notes(besides: Sequence[_Beside]) -> str:
    said = "; ".join(beside.note for beside in besides)
    return (
        "Machines and odds were learnt from FER+ train, thresholds and weights chosen on all of "
        "FER+ valid by plurality labels; results on valid are cross-fitted: each fold by what was "
        "chosen on the others. Where a stack did worse than the net alone, cross-fitted, it ships "
        f"silent. What the stacks weigh against the net: {said}."
    )
