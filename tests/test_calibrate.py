"""Recording a neutral face, and taking it off."""

import json
import os
import stat
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from au_fakes import a_face, a_frame_result, a_result, values
from typer.testing import CliRunner

from ferdesk import resources
from ferdesk.calibrate import NeutralCorrection, NeutralRecorder, RestWatch, record
from ferdesk.commands.profiles import profiles_app
from ferdesk.core.aus import AU_INDEX
from ferdesk.core.errors import ProfileError
from ferdesk.core.types import Box, FrameResult
from ferdesk.profiles import (
    NeutralProfile,
    list_profiles,
    load_profile,
    profile_names,
    remove_profile,
    rename_profile,
    save_profile,
)

RATE = 20


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "user_data", lambda: tmp_path)


def profile(estimator: str = "fake", **baseline: float) -> NeutralProfile:
    numbers = {int(name.removeprefix("AU")): value for name, value in baseline.items()}
    return NeutralProfile(
        name="anna",
        estimator=estimator,
        baseline=numbers or {4: 0.2},
        spread=dict.fromkeys(numbers or (4,), 0.01),
        seconds=10,
        values=300,
        recorded=datetime(2026, 11, 1, tzinfo=UTC),
    )


def at_rest(seconds: float, brow: float = 0.3, smile: float = 0.0) -> Iterator[FrameResult]:
    """A face with a low brow; its values shake a little."""
    shake = np.random.default_rng(3)
    for index in range(round(seconds * RATE) + 1):
        time_s = index / RATE
        units = {4: brow + 0.02 * float(shake.standard_normal()), 25: smile}
        yield a_frame_result([a_result(values(time_s, units))], time_s, index)


def test_the_median_of_ten_seconds() -> None:
    told: list[float] = []
    results = at_rest(60)
    found = record("anna", results, report=told.append)
    assert found.baseline[4] == pytest.approx(0.3, abs=0.01)
    assert found.spread[4] == pytest.approx(0.02, rel=0.2)
    assert set(found.baseline) == {4, 25}
    assert (found.seconds, found.values, found.estimator) == (10, 201, "fake")
    assert told[0] == 0
    assert told == sorted(told)
    assert told[-1] == 1
    assert next(results).frame.index == 201  # no more was taken than needed


def test_blinks_and_a_short_smile_do_not_move_it() -> None:
    def results() -> Iterator[FrameResult]:
        for index in range(201):
            units = {43: 1.0 if index % 40 < 4 else 0.1, 12: 0.8 if 50 < index < 90 else 0.05}
            yield a_frame_result([a_result(values(index / RATE, units))], index / RATE)

    found = record("anna", results())
    assert (found.baseline[43], found.baseline[12]) == pytest.approx((0.1, 0.05))


def test_unreliable_values_are_left_out() -> None:
    def results() -> Iterator[FrameResult]:
        for index in range(300):
            turned = index % 3 == 0
            one = values(index / RATE, {4: 1.0 if turned else 0.2}, reliable=not turned)
            yield a_frame_result([a_result(one)], index / RATE)

    assert record("anna", results()).baseline == pytest.approx({4: 0.2})


def test_a_slow_estimators_values_count_once() -> None:
    recorder = NeutralRecorder("anna", 2)
    for index in range(41):
        recorder.add(a_result(values(index // 10 * 0.5, {4: 0.2})))
    assert recorder.done
    with pytest.raises(ProfileError, match="Only 5 of 5"):
        recorder.profile()


def moving() -> Iterator[FrameResult]:
    for index in range(201):
        units = {12: (index % 40) / 40, 4: 0.1}
        yield a_frame_result([a_result(values(index / RATE, units))], index / RATE)


def turned_away() -> Iterator[FrameResult]:
    for index in range(10_000):
        one = values(index / RATE, {4: 0.1}, reliable=False)
        yield a_frame_result([a_result(one)], index / RATE)
    raise AssertionError("it should have been given up")


def two_people() -> Iterator[FrameResult]:
    faces = [a_result(values(), face=a_face(number)) for number in (1, 2)]
    yield a_frame_result(faces)


def one_after_the_other() -> Iterator[FrameResult]:
    for index in range(201):
        one = a_result(values(index / RATE), face=a_face(1 + index // 100))
        yield a_frame_result([one], index / RATE)


def nobody() -> Iterator[FrameResult]:
    for index in range(10_000):
        yield a_frame_result([], index / RATE)
    raise AssertionError("it should have been given up")


@pytest.mark.parametrize(
    ("results", "said"),
    [
        (moving(), r"moved too much \(AU12, Lip Corner Puller\)"),
        (turned_away(), "Only 0 of 601 pictures"),
        (two_people(), "2 faces"),
        (one_after_the_other(), "somebody else"),
        (nobody(), "No face"),
        (at_rest(4), "Only 4.0 of 10 seconds"),
    ],
    ids=["moving", "turned away", "two people", "another one", "nobody", "too short"],
)
def test_what_cannot_be_used_is_refused(results: Iterator[FrameResult], said: str) -> None:
    with pytest.raises(ProfileError, match=said):
        record("anna", results)


def test_rest_becomes_nothing_and_the_strongest_stays() -> None:
    correction = NeutralCorrection(profile(AU04=0.2, AU25=0.99), "fake")
    for raw, expected in ((0.2, 0), (0.1, 0), (0.6, 0.5), (1.0, 1)):
        given = values(1.0, {4: raw, 25: 1.0, 26: 0.4}, {12: (0.1, 0.3)})
        (found,) = correction.correct([a_face()], [given], 1.0, False)
        assert found is not None
        assert float(found.activation[AU_INDEX[4]]) == pytest.approx(expected, abs=1e-6)
        assert float(found.activation[AU_INDEX[25]]) == pytest.approx(1, abs=1e-6)
        assert float(found.activation[AU_INDEX[26]]) == pytest.approx(0.4)
        assert float(found.activation[AU_INDEX[12]]) == pytest.approx(0.2)
        assert np.isnan(found.activation[AU_INDEX[1]])
        np.testing.assert_array_equal(found.raw, given.raw)
        np.testing.assert_array_equal(found.left, given.left)


def corrected(correction: NeutralCorrection, tracks: list[int], time_s: float) -> list[int]:
    """Which of the tracks of a frame, largest first, were corrected."""
    faces = [a_face(track, Box(0, 0, 100 - 10 * at, 100)) for at, track in enumerate(tracks)]
    given = [values(time_s, {4: 0.6}) for _ in tracks]
    found = correction.correct(faces, given, time_s, False)
    return [
        track
        for track, one in zip(tracks, found, strict=True)
        if one is not None and float(one.activation[AU_INDEX[4]]) < 0.59
    ]


def test_it_stays_with_the_largest_face_of_the_beginning() -> None:
    correction = NeutralCorrection(profile(), "fake")
    assert corrected(correction, [], 0) == []
    assert corrected(correction, [1, 2], 0.1) == [1]
    assert corrected(correction, [2, 1], 0.2) == [1]
    assert corrected(correction, [2], 5) == []
    assert corrected(correction, [2, 1], 10) == [1]
    assert corrected(correction, [2, 3], 20) == []
    assert corrected(correction, [2, 3], 20.1) == [2]
    assert corrected(correction, [4, 2], 20.2) == [2]
    correction.reset()
    assert corrected(correction, [3, 2], 20.3) == [3]


def test_pictures_each_have_a_largest_face() -> None:
    correction = NeutralCorrection(profile(), "fake")
    for track in (1, 3):
        faces = [a_face(track), a_face(track + 1)]
        found = correction.correct(faces, [values(0, {4: 0.6}), None], 0.0, True)
        assert found[0] is not None
        assert found[0].activation[AU_INDEX[4]] == pytest.approx(0.5)
        assert found[1] is None


def test_a_profile_of_another_estimator_is_refused() -> None:
    with pytest.raises(ProfileError, match=r"'fake', not with 'native x'.*ferdesk calibrate anna"):
        NeutralCorrection(profile(), "native x")


def test_saved_for_the_user_alone_and_read_back(tmp_path: Path) -> None:
    path = save_profile(profile())
    assert path == tmp_path / "profiles" / "anna.json"
    save_profile(profile(AU12=0.125))
    assert load_profile("anna") == profile(AU12=0.125)
    assert profile_names() == ("anna",)
    assert [one.name for one in path.parent.iterdir()] == ["anna.json"]
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    remove_profile("anna")
    assert profile_names() == ()
    with pytest.raises(ProfileError, match="cannot be deleted"):
        remove_profile("anna")
    with pytest.raises(ProfileError, match=r"No neutral profile named 'anna'\. Recorded: none"):
        load_profile("anna")


def test_all_are_listed_also_one_that_cannot_be_read(tmp_path: Path) -> None:
    save_profile(profile())
    (tmp_path / "profiles" / "worn.json").write_text("{}")
    good, worn = list_profiles()
    assert (good.name, good.trouble, good.why_not("fake")) == ("anna", "", "")
    assert good.why_not("other") == "It was recorded with 'fake', not with 'other'."
    assert good.why_not("") == "No action units are estimated."
    assert worn.profile is None
    assert "Record it again" in worn.why_not("fake")
    assert good.to_dict()["name"] == "anna"
    assert set(worn.to_dict()) == {"name", "trouble"}


def test_renaming_keeps_all_but_the_name() -> None:
    save_profile(profile())
    assert rename_profile("anna", "berta") == load_profile("berta")
    assert profile_names() == ("berta",)
    assert load_profile("berta") == profile().model_copy(update={"name": "berta"})
    save_profile(profile())
    for new, said in (("berta", "already"), ("a/b", "is no name")):
        with pytest.raises(ProfileError, match=said):
            rename_profile("anna", new)
    with pytest.raises(ProfileError, match="No neutral profile"):
        rename_profile("nobody", "ben")
    assert profile_names() == ("anna", "berta")


def test_what_is_wrong_now_is_said() -> None:
    watch = RestWatch()
    assert watch.look(a_frame_result([])) == "No face is seen. Sit before the camera."
    two = a_frame_result([a_result(None), a_result(None)])
    assert "There are 2 faces" in watch.look(two)
    assert watch.look(a_frame_result([a_result(None)])) == "", "a slow estimator has nothing yet"
    assert "Come nearer" in watch.look(a_frame_result([a_result(values(reliable=False))]))
    for index in range(40):
        still = a_frame_result([a_result(values(index / 10, {12: 0.2 + 0.01 * (index % 2)}))])
        assert watch.look(still) == ""
    for index in range(40, 55):
        said = watch.look(a_frame_result([a_result(values(index / 10, {12: index % 2}))]))
    assert said == "The face moves: AU12, Lip Corner Puller. Keep it at rest, mouth closed."
    for index in range(55, 90):
        said = watch.look(a_frame_result([a_result(values(index / 10, {12: 0.2}))]))
    assert said == "", "what was two seconds ago is forgotten"
    assert watch.look(a_frame_result([a_result(values(0.0, {12: 0.2}))])) == "", (
        "a clip began again"
    )


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="nothing is forbidden to this user"
)
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ProfileError, match="cannot be written"):
        save_profile(profile())


def test_a_file_in_the_way_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "profiles").write_text("in the way")
    with pytest.raises(ProfileError, match="cannot be written"):
        save_profile(profile())


@pytest.mark.parametrize("name", ["", "..", "a/b", "../anna", "a\\b", "x" * 101, ".hidden", "é"])
def test_names_are_plain(name: str) -> None:
    for use in (load_profile, remove_profile, NeutralRecorder):
        with pytest.raises(ProfileError, match="is no name"):
            use(name)


GOOD = json.loads(profile().model_dump_json())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "JSON"),
        ("[]", "object"),
        (json.dumps({**GOOD, "schema_version": 2}), "schema_version"),
        (json.dumps({**GOOD, "baseline": {"3": 0.1}}), "no AU3"),
        (json.dumps({**GOOD, "baseline": {}}), "baseline"),
        (json.dumps({**GOOD, "baseline": {"4": 1.5}}), "baseline.4"),
        (json.dumps({**GOOD, "baseline": {"4": float("nan")}}), "baseline.4"),
        (json.dumps({**GOOD, "spread": {"12": 0.1}}), "different units"),
        (json.dumps({**GOOD, "seconds": 0}), "seconds"),
        (json.dumps({**GOOD, "more": 1}), "more"),
        (" " * 100_001, "too large"),
    ],
)
def test_profiles_from_strangers(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "anna.json").write_text(text)
    with pytest.raises(ProfileError, match=said):
        load_profile("anna")


def test_a_profile_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "anna.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileError, match="cannot be read"):
        load_profile("anna")


def test_the_commands_list_rename_and_remove(tmp_path: Path) -> None:
    save_profile(profile())
    (tmp_path / "profiles" / "worn.json").write_text("{}")
    run = CliRunner()
    assert run.invoke(profiles_app, ["rename", "anna", "berta"]).exit_code == 0
    listed = run.invoke(profiles_app, ["list"]).stdout.splitlines()
    assert listed[0].startswith("berta ")
    assert "300 frames" in listed[0]
    assert "Record it again" in listed[1]
    rows = json.loads(run.invoke(profiles_app, ["list", "--json"]).stdout)
    assert [(row["name"], bool(row["trouble"])) for row in rows] == [
        ("berta", False),
        ("worn", True),
    ]
    assert run.invoke(profiles_app, ["remove", "worn"]).exit_code == 0
    assert profile_names() == ("berta",)
