import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import svm_material as material

from ferdesk.bundles import installed_bundles
from ferdesk.core.au_svm import CONTESTS, N_PAIRS, WIDTH
from ferdesk.core.bundle import MANIFEST, read_bundle
from ferdesk.core.errors import BundleError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.svm_bundle import SVMS, SvmBundle, read_svm_bundle

SHIPPED = installed_bundles("au_svm")
_U = len(material.UNITS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return material.write(tmp_path / "machines")


def change(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(content | changes))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_bundle_of_machines_is_sound(path: Path) -> None:
    bundle = read_bundle(path, SvmBundle)
    assert bundle.name == path.name
    _, svms, odds = read_svm_bundle(path, bundle.estimator)
    assert svms.units == bundle.units
    assert len(odds) == len(bundle.decisions) >= 1
    assert (path / SVMS).stat().st_size < 2_000_000
    said = [(one.dataset, one.algorithm) for one in bundle.results]
    assert ("ferplus", "net alone") in said
    assert ("ferplus", "stacked") in said
    for one in bundle.results:
        assert one.turned_right + one.turned_wrong <= one.contested <= one.reliable <= one.n
        low, high = one.difference_ci95
        assert low <= (one.turned_right - one.turned_wrong) / one.n <= high
        assert one.algorithm != "net alone" or one.contested == 0


def test_there_are_28_pairs_and_56_triples() -> None:
    assert N_PAIRS == sum(len(contest) == 2 for contest in CONTESTS) == 28
    assert sum(len(contest) == WIDTH for contest in CONTESTS) == 56


def test_what_was_written_is_read(folder: Path) -> None:
    bundle, svms, (odds,) = read_svm_bundle(folder, "drawn")
    assert bundle.units == svms.units == material.UNITS
    np.testing.assert_array_equal(svms.weights, material.machines().weights)
    np.testing.assert_array_equal(odds.weights, material.odds().weights)


def test_another_estimator_s_values_are_not_judged(folder: Path) -> None:
    with pytest.raises(BundleError, match="'drawn' and cannot judge those of 'blendshapes'"):
        read_svm_bundle(folder, "blendshapes")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": list(reversed(EXPRESSIONS))}, "labels must be neutral"),
        ({"units": [4, 1]}, "units must ascend"),
        ({"units": [1, 4, 6, 12, 45]}, "no AU45"),
        ({"units": [1, 4, 6, 12]}, r"mean must be float64 of \(4,\)"),
        ({"files": {}}, r"svm\.npz is not listed"),
        ({"arrays": {}}, "arrays must be"),
        ({"task": "expression"}, "for the task 'expression'"),
        ({"decisions": []}, "odds must be"),
    ],
)
def test_a_description_from_a_stranger_is_checked(
    folder: Path, changes: dict[str, Any], said: str
) -> None:
    change(folder, **changes)
    with pytest.raises(BundleError, match=said):
        read_svm_bundle(folder, "drawn")


@pytest.mark.parametrize(
    ("name", "value"),
    [("t2", 1.5), ("t3", -0.1), ("units2", -1), ("own2", "NaN"), ("least", 1e9), ("order", "x")],
)
def test_decisions_are_checked(folder: Path, name: str, value: object) -> None:
    decision = json.loads((folder / MANIFEST).read_text())["decisions"][0]
    decision["stacked"][name] = value
    change(folder, decisions=[decision])
    with pytest.raises(BundleError, match=rf"decisions.0.stacked.{name}"):
        read_svm_bundle(folder, "drawn")


def test_two_decisions_for_one_net_are_refused(folder: Path) -> None:
    decision = json.loads((folder / MANIFEST).read_text())["decisions"][0]
    change(folder, decisions=[decision, decision])
    with pytest.raises(BundleError, match="two decisions for one net"):
        read_svm_bundle(folder, "drawn")


def test_an_altered_file_is_refused(folder: Path) -> None:
    data = bytearray((folder / SVMS).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / SVMS).write_bytes(data)
    with pytest.raises(BundleError, match="altered or cut short"):
        read_svm_bundle(folder, "drawn")


def _nan(*shape: int) -> np.ndarray:
    array = np.zeros(shape)
    array.flat[-1] = np.nan
    return array


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"weights": _nan(84, 3, _U)}, "weights has values that are no numbers"),
        ({"bias": np.full((84, 3), np.inf)}, "bias has values that are no numbers"),
        ({"bias": np.full((84, 3), 1e300)}, "too large"),
        ({"bias": np.zeros((84, 3), np.float32)}, "bias must be float64"),
        ({"bias": np.zeros((83, 3))}, "bias must be float64"),
        ({"bias": np.zeros((84, 3), complex)}, "bias must be float64"),
        ({"deviation": np.zeros(_U)}, "out of range"),
        ({"root_deviation": np.zeros(_U)}, "out of range"),
        ({"gamma": np.full(84, -1.0)}, "out of range"),
        ({"start": np.ones(85, np.int64)}, "not in order"),
        ({"start": np.arange(85)[::-1].copy()}, "not in order"),
        ({"start": np.zeros(85)}, "start must be int64"),
        ({"weights": np.ones((84, 3, _U))}, "sees units of others"),
        ({"gamma": None}, "gamma"),
        ({"mean": np.array([None] * _U)}, "no support vector machines"),
        ({"vectors": np.zeros(())}, "vectors must be"),
        ({"weights": np.zeros((5_000_000,))}, "too large for support vector machines"),
    ],
)
def test_arrays_from_a_stranger_are_checked(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    folder = material.write(tmp_path / "machines", **changes)
    with pytest.raises(BundleError, match=said):
        read_svm_bundle(folder, "drawn")


def test_a_header_that_claims_too_much_is_refused(tmp_path: Path) -> None:
    folder = material.write(tmp_path / "machines")
    stream = io.BytesIO()
    header = {"descr": "<f8", "fortran_order": False, "shape": (2**60,)}
    np.lib.format.write_array_header_1_0(stream, header)
    with zipfile.ZipFile(folder / SVMS, "w") as archive:
        archive.writestr("mean.npy", stream.getvalue())
    material.describe(folder)
    with pytest.raises(BundleError, match="no support vector machines"):
        read_svm_bundle(folder, "drawn")


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    folder = material.write(tmp_path / "machines")
    (folder / SVMS).write_bytes(b"no zip")
    material.describe(folder)
    with pytest.raises(BundleError, match="no support vector machines"):
        read_svm_bundle(folder, "drawn")
