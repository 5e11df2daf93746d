"""The pandas DataFrame: the CSV's rows as numbers."""

import importlib
from dataclasses import replace

import numpy as np
import pytest
from au_fakes import values

from ferdesk.core.errors import OutputError
from ferdesk.core.types import Frame, Verdict
from ferdesk.outputs.dataframe import rows_to_dataframe, to_dataframe
from ferdesk.outputs.table import Table, columns, face_cells

pd = pytest.importorskip("pandas")


def with_units(result, verdict=None, **au):
    face = replace(result.faces[0], aus=values(**au), verdict=verdict)
    return replace(result, faces=(face, *result.faces[1:]))


def some_results(make_result):
    verdict = Verdict(
        "fear", ("fear", "surprise"), "surprise", False, 1.25, (), np.full(8, 0.125, np.float32)
    )
    return [
        with_units(
            make_result(0, faces=2, time_s=0.0), verdict, whole={25: 0.5}, sides={4: (0.25, 0.75)}
        ),
        make_result(1, faces=0, time_s=0.04),
        make_result(2, time_s=0.08),
    ]


def test_it_is_the_csv(tmp_path, make_result):
    results = some_results(make_result)
    with Table(tmp_path / "out.csv", (4, 25)) as table:
        for result in results:
            table.write(result)
    read = pd.read_csv(tmp_path / "out.csv")
    made = to_dataframe(results)
    assert tuple(made.columns) == columns((4, 25)) == tuple(read.columns)
    assert len(made) == 3
    for name in made.columns:
        if pd.api.types.is_numeric_dtype(made[name]):
            left = made[name].to_numpy(float, na_value=np.nan)
            np.testing.assert_allclose(left, read[name].to_numpy(float), atol=0.006)
        else:
            assert made[name].fillna("").tolist() == read[name].fillna("").tolist()


def test_numbers_are_numbers_also_where_there_is_no_row(make_result):
    for made in (to_dataframe(some_results(make_result), (4, 43)), to_dataframe([], (4, 43))):
        assert tuple(made.columns) == columns((4, 43))
        kinds = made.dtypes.astype(str).to_dict()
        assert kinds.pop("au_reliable") == "Int8"
        assert {kinds.pop("frame"), kinds.pop("face_id")} == {"int64"}
        names = ("file", "label", "net_label", "contested", "au_estimator")
        assert {kinds.pop(name) for name in names} == {"str"}
        assert set(kinds.values()) == {"float64"}
    assert tuple(to_dataframe([]).columns) == columns(())


def test_a_cameras_time_begins_with_the_first_result(make_result):
    def live(index, ns, still=False):
        result = with_units(make_result(index, time_s=None), whole={25: 0.5}, time_s=ns / 1e9)
        return replace(result, frame=Frame(result.frame.image, index, ns, None, "cam", still))

    made = to_dataframe([live(7, 5_000_000_000), live(9, 5_250_000_000)])
    assert made.time_s.tolist() == [0.0, 0.25]
    assert made.au_time_s.tolist() == pytest.approx([0.0, 0.25])
    assert made.frame.tolist() == [7, 9]
    pictures = to_dataframe([live(0, 5, still=True), live(1, 6, still=True)])
    assert pictures.time_s.isna().all()
    assert pictures.au_time_s.isna().all()


def test_rows_from_elsewhere(make_result):
    (face,) = make_result().faces
    row = face_cells(face, (), file="a", frame=3, time_s=1.5, au_shift_s=None)
    made = rows_to_dataframe([row], ())
    assert (made.file[0], made.frame[0], made.time_s[0]) == ("a", 3, 1.5)
    assert made.label[0] == "happiness"
    assert made.p_happiness[0] == pytest.approx(0.4)


def test_without_pandas(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(OutputError, match=r'pip install "ferdesk\[table\]"'):
        to_dataframe([])
