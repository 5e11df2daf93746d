"""What a bundle's machines do to a net's answers, face by face as the app asks them."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import numpy as np

from ferdesk.aus.names import ESTIMATORS, NATIVE_BUNDLE
from ferdesk.bundles import find_bundle, installed_bundles
from ferdesk.core.bundle import MODEL, read_bundle
from ferdesk.core.errors import BundleError, DataError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.svm_bundle import Algorithm, SvmBundle, SvmResult
from ferdesk.core.types import AuValues, FloatArray
from ferdesk.disambiguate import Disambiguator
from trainer import au_extract
from trainer.au_table import AuTable, read_au_table
from trainer.datasets.base import Faces, Labels, Part
from trainer.evaluate import truth
from trainer.labelling import Protocol
from trainer.svm_data import Net, answers, check_matches, open_net
from trainer.svm_results import ALONE, result
from trainer.svm_stack import Answers

SHIPPED: Final = "as shipped: on all of FER+ valid"
_PLACES: Final = {name: place for place, name in enumerate(EXPRESSIONS)}


@dataclass(frozen=True, slots=True, eq=False)
class Where:
    """Where machines and units are.

    Attributes:
        svm: the bundle of machines, by name or folder; "" for an installed one.
        aus: the table of the units, or None to estimate them.
        dataset: the data set's name, to estimate them.
        data: where it lies.
        part: one part, or None for all.
        skip_bad: leave bad rows and pictures out.
    """

    svm: str
    aus: Path | None
    dataset: str
    data: Path
    part: Part | None
    skip_bad: bool


def evaluate_machines(
    svm: str, net: Net, faces: Faces, aus: Path, protocol: Protocol
) -> list[SvmResult]:
    """The net alone and both ways of asking, with the thresholds that the bundle ships.

    Args:
        svm: the bundle of machines, by name or folder.
        net: the expression net.
        faces: what to judge.
        aus: the table of their action units.
        protocol: how labels are made.

    Raises:
        BundleError: the bundle is not sound, not of the table's estimator or not for this net.
        DataError: the table cannot be read or is of other pictures, or the protocol does not fit.
    """
    table = read_au_table(aus)
    keep, labels = truth(faces, protocol)
    kept = faces.pick(keep)
    check_matches(kept, table)
    rows = table.at(kept.names)
    probabilities = answers(net, kept)
    own = probabilities.argmax(axis=1).astype(np.int64)
    found = {ALONE: Answers(own, np.zeros(len(own), np.bool_))}
    folder = find_bundle(svm, "au_svm")
    for algorithm in get_args(Algorithm):
        judge = Disambiguator(folder, net.bundle, table.estimator, algorithm)
        found[algorithm] = judge_all(judge, probabilities, rows)
    return [
        result(
            own,
            given,
            labels,
            rows.reliable,
            expression=net.bundle.name,
            estimator=table.estimator,
            dataset=faces.dataset,
            part=faces.part,
            protocol=protocol,
            tuned=SHIPPED,
            algorithm=name,
        )
        for name, given in found.items()
    ]


def with_aus(
    name: str,
    kept: Faces,
    probabilities: FloatArray,
    labels: Labels,
    protocol: Protocol,
    where: Where,
) -> SvmResult:
    """What a bundle's own choice of ways makes of a net's answers.

    Args:
        name: the expression bundle, by name or folder.
        kept: faces that keep a label.
        probabilities: (n, 8) float32, the net's for them.
        labels: (n,) 0..7.
        protocol: how the labels were made.
        where: the machines and the units.

    Raises:
        BundleError: no bundle of machines is tuned for this net, or the named one is not.
        DataError: the table cannot be read or is of other pictures.
        ModelError: units have to be estimated first and a net for it is not installed.
    """
    net = open_net(name)
    folder = find_bundle(where.svm, "au_svm") if where.svm else installed_for(net)
    if where.aus is not None:
        table = read_au_table(where.aus)
    else:
        table = estimated(read_bundle(folder, SvmBundle).estimator, where)
    check_matches(kept, table)
    rows = table.at(kept.names)
    judge = Disambiguator(folder, net.bundle, table.estimator)
    return result(
        probabilities.argmax(axis=1).astype(np.int64),
        judge_all(judge, probabilities, rows),
        labels,
        rows.reliable,
        expression=net.bundle.name,
        estimator=table.estimator,
        dataset=kept.dataset,
        part=kept.part,
        protocol=protocol,
        tuned=SHIPPED,
        algorithm=folder.name,
    )


def installed_for(net: Net) -> Path:
    """The first installed bundle of machines that is tuned for a net, the native net's first.

    Raises:
        BundleError: there is none.
    """
    found = []
    for folder in installed_bundles("au_svm"):
        bundle = read_bundle(folder, SvmBundle)
        if any(one.model == net.bundle.files[MODEL] for one in bundle.decisions):
            found.append((not bundle.estimator.startswith("native"), folder))
    if not found:
        raise BundleError(
            f"No installed bundle of machines is tuned for {net.bundle.name}: ferdesk-train svm fit"
        )
    return min(found)[1]


def estimated(estimator: str, where: Where) -> AuTable:
    """Estimate the units of a data set's pictures.

    Raises:
        DataError: the estimator is none of ours, or as `trainer.au_extract.run`.
    """
    name, _, bundle = estimator.partition(" ")
    kind = next((one for one in ESTIMATORS if one == name), None)
    if kind is None:
        raise DataError(f"{estimator} cannot be run from here: give its table with --aus.")
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "aus.csv")
        au_extract.run(
            au_extract.Request(
                dataset=where.dataset,
                data=where.data,
                part=where.part,
                estimator=kind,
                output=table,
                bundle=bundle or NATIVE_BUNDLE,
                skip_bad=where.skip_bad,
            )
        )
        return read_au_table(table)


def judge_all(judge: Disambiguator, probabilities: FloatArray, rows: AuTable) -> Answers:
    """The verdicts on all faces.

    Args:
        judge: asks the units.
        probabilities: (n, 8) float32.
        rows: the faces' units, in their order.
    """
    verdicts = [
        judge.decide(raw, values) for raw, values in zip(probabilities, _values(rows), strict=True)
    ]
    chosen = [_PLACES[verdict.chosen] for verdict in verdicts]
    asked = [bool(verdict.contested) for verdict in verdicts]
    return Answers(np.array(chosen, np.int64), np.array(asked, np.bool_) & rows.reliable)


def _values(rows: AuTable) -> list[AuValues]:
    return [
        AuValues(
            rows.estimator,
            rows.activation[index],
            rows.activation[index],
            rows.left[index],
            rows.right[index],
            0.0,
            bool(rows.reliable[index]),
        )
        for index in range(len(rows))
    ]
