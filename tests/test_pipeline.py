"""The whole way of a frame, on the demo clip."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from au_fakes import GapDisambiguator, LipEstimator, write_machines

from ferdesk import resources
from ferdesk.aus.blendshapes import BlendshapeEstimator
from ferdesk.aus.names import NATIVE_BUNDLE
from ferdesk.bundles import find_bundle
from ferdesk.core.aus import AU_INDEX
from ferdesk.core.bundle import MODEL, ModelBundle, read_bundle
from ferdesk.core.errors import BundleError, ProfileError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.svm_bundle import SVMS
from ferdesk.core.types import Frame, FrameResult
from ferdesk.expression import ExpressionNet
from ferdesk.faces.finder import OpenVinoFinder
from ferdesk.faces.store import load
from ferdesk.pipeline import Pipeline, build_pipeline
from ferdesk.profiles import NeutralProfile, save_profile
from ferdesk.settings import Settings


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    found = build_pipeline(Settings())
    yield found
    found.close()


@pytest.fixture(scope="module")
def results(pipeline: Pipeline, demo_frames: list[Frame]) -> list[FrameResult]:
    pipeline.reset()
    return [pipeline.process(frame) for frame in demo_frames]


def expression(results: list[FrameResult], start_s: float, end_s: float) -> str:
    """The most probable expression, on average, between two times of the clip."""
    rows = [
        result.faces[0].probabilities
        for result in results
        if result.faces and start_s <= (result.frame.source_time_s or 0) < end_s
    ]
    return EXPRESSIONS[int(np.mean(rows, axis=0).argmax())]


def test_one_person_keeps_one_id_through_the_clip(results: list[FrameResult]) -> None:
    assert {face.face.track_id for result in results for face in result.faces} == {
        results[0].faces[0].face.track_id
    }
    assert all(len(result.faces) == 1 for result in results)


def test_the_clip_smiles_and_is_surprised_when_it_should(results: list[FrameResult]) -> None:
    assert expression(results, 2.0, 3.4) == "happiness"
    assert expression(results, 5.4, 6.8) == "surprise"


def test_the_head_turns_both_ways(results: list[FrameResult]) -> None:
    yaws = [result.faces[0].face.pose.yaw for result in results]
    assert min(yaws) < -8
    assert max(yaws) > 8


def test_a_result_says_how_long_each_stage_took(results: list[FrameResult]) -> None:
    stages = [stage for stage in results[0].stage_ms if stage != "disambiguate"]
    assert stages == ["faces", "track", "crop", "expression", "aus", "smooth"]
    assert all(value >= 0 for value in results[0].stage_ms.values())


def test_the_same_clip_gives_the_same_numbers(
    pipeline: Pipeline, demo_frames: list[Frame], results: list[FrameResult]
) -> None:
    pipeline.reset()
    for frame, before in zip(demo_frames[:40], results, strict=False):
        again = pipeline.process(frame)
        np.testing.assert_array_equal(again.faces[0].raw, before.faces[0].raw)
        np.testing.assert_array_equal(again.faces[0].probabilities, before.faces[0].probabilities)
        assert again.to_dict()["faces"][0]["aus"] == before.to_dict()["faces"][0]["aus"]


def test_several_faces_are_judged_in_one_batch(
    pipeline: Pipeline, demo_frames: list[Frame]
) -> None:
    """Each face of a picture of four gives what it gives alone, whichever the order."""
    times = [20, 70, 150, 220]
    four = [demo_frames[at].image for at in times]
    image = np.concatenate([np.concatenate(four[:2], 1), np.concatenate(four[2:], 1)], 0)
    result = pipeline.process(Frame(image, 0, 0, None, "four", still=True))
    assert len(result.faces) == 4
    assert len({face.face.track_id for face in result.faces}) == 4
    happy = min(result.faces, key=lambda one: np.hypot(one.face.box.x - 860, one.face.box.y - 100))
    assert happy.label == "happiness"


def test_a_mirrored_face_is_judged_alike(pipeline: Pipeline, demo_frames: list[Frame]) -> None:
    image = demo_frames[70].image
    straight = pipeline.process(Frame(image, 0, 0, None, "a", still=True)).faces[0]
    flipped = np.ascontiguousarray(image[:, ::-1])
    mirrored = pipeline.process(Frame(flipped, 0, 0, None, "b", still=True)).faces[0]
    assert straight.label == mirrored.label
    assert straight.face.pose.yaw == pytest.approx(-mirrored.face.pose.yaw, abs=4)


def test_a_tilted_camera_changes_little(pipeline: Pipeline, demo_frames: list[Frame]) -> None:
    image = demo_frames[70].image
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -25, 1)
    tilted = np.asarray(cv2.warpAffine(image, turn, (width, height)), np.uint8)
    straight = pipeline.process(Frame(image, 0, 0, None, "a", still=True)).faces[0]
    turned = pipeline.process(Frame(tilted, 0, 0, None, "b", still=True)).faces[0]
    assert turned.face.pose.roll - straight.face.pose.roll == pytest.approx(25, abs=3)
    assert turned.label == straight.label


def test_an_empty_picture_has_no_face(pipeline: Pipeline) -> None:
    blank = np.zeros((360, 640, 3), np.uint8)
    assert pipeline.process(Frame(blank, 0, 0, None, "blank", still=True)).faces == ()


def faked(**parts: object) -> Pipeline:
    """A pipeline of real faces and a real net, with what a test puts behind them."""
    finder = OpenVinoFinder(load("auto"), 4, 1)
    net = ExpressionNet(find_bundle(Settings().bundle), 1)
    return Pipeline(finder, net, parts.pop("smoothing_s", 0.2), **parts)  # type: ignore[arg-type]


def test_units_and_verdict_come_with_the_face(demo_frames: list[Frame]) -> None:
    estimator = LipEstimator()
    pipeline = faked(estimator=estimator, disambiguator=GapDisambiguator(), smoothing_s=0)
    results = [pipeline.process(frame) for frame in demo_frames[40:160:4]]
    stages = ["faces", "track", "crop", "expression", "aus", "disambiguate", "smooth"]
    assert list(results[0].stage_ms) == stages
    assert (pipeline.au_estimator, pipeline.units, pipeline.disambiguator) == (
        *("lips", (12, 25), "gap"),
    )
    faces = [face for result in results for face in result.faces]
    for result, face in zip(results, faces, strict=True):
        assert face.aus is not None
        assert face.verdict is not None
        assert face.aus.time_s == result.frame.source_time_s
        np.testing.assert_array_equal(face.probabilities, face.verdict.probabilities)
    settled = [face for face in faces if face.verdict and face.verdict.contested]
    assert settled
    assert all(face.label == face.verdict.chosen for face in settled if face.verdict)
    pipeline.reset()
    assert estimator.resets == 1
    pipeline.close()
    assert estimator.closed


def test_smoothing_works_on_what_the_verdict_left(demo_frames: list[Frame]) -> None:
    smooth = faked(estimator=LipEstimator(), disambiguator=GapDisambiguator(), smoothing_s=0.4)
    state: np.ndarray | None = None
    before = 0.0
    for frame in demo_frames[40:60]:
        face = smooth.process(frame).faces[0]
        assert face.verdict is not None
        value, now = face.verdict.probabilities, frame.clock_s
        weight = 1 - np.exp(-(now - before) / 0.4)
        state = value if state is None else state + weight * (value - state)
        np.testing.assert_allclose(face.probabilities, state, atol=1e-6)
        before = now
    smooth.close()


def test_without_units_nothing_of_them_runs(demo_frames: list[Frame]) -> None:
    pipeline = build_pipeline(Settings(aus="off"))
    result = pipeline.process(demo_frames[0])
    assert list(result.stage_ms) == ["faces", "track", "crop", "expression", "smooth"]
    assert (result.faces[0].aus, result.faces[0].verdict) == (None, None)
    assert (pipeline.au_estimator, pipeline.units, pipeline.disambiguator) == ("", (), "")
    assert result.to_dict()["faces"][0]["aus"] is None
    pipeline.close()


def test_a_result_for_programs(demo_frames: list[Frame]) -> None:
    pipeline = faked(estimator=LipEstimator(), disambiguator=GapDisambiguator())
    for frame in demo_frames[40:160:4]:
        face = pipeline.process(frame).to_dict()["faces"][0]
        json.dumps(face, allow_nan=False)
        assert set(face["aus"]["units"]) == {"AU12", "AU25"}
        assert set(face["aus"]["units"]["AU12"]) == {"activation", "raw", "left", "right"}
        assert set(face["aus"]["units"]["AU25"]) == {"activation", "raw"}
        if face["verdict"]["contested"]:
            assert face["verdict"]["reasons"][0] == {"au": 25, "weight": 0.5}
            break
    else:
        raise AssertionError("nothing was contested")
    pipeline.close()


@pytest.mark.parametrize(
    ("settings", "error", "said"),
    [
        (Settings(aus="off", disambiguate="mine"), BundleError, "--aus off"),
        (Settings(aus="blendshapes", disambiguate="mine"), BundleError, "No bundle named 'mine'"),
        (Settings(aus="off", neutral="anna"), ProfileError, "--aus off"),
        (Settings(aus="blendshapes", neutral="no-such"), ProfileError, "No neutral profile"),
    ],
)
def test_what_does_not_fit_is_refused(
    settings: Settings,
    error: type[Exception],
    said: str,
    landmarker_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FERDESK_MODELS", str(landmarker_folder))
    with pytest.raises(error, match=said):
        build_pipeline(settings)


@pytest.fixture
def own_bundles(landmarker_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of bundles, before those that come with the app."""
    shipped = tmp_path / "shipped"
    shutil.copytree(find_bundle(Settings().bundle), shipped / Settings().bundle)
    monkeypatch.setenv("FERDESK_MODELS", str(landmarker_folder))
    monkeypatch.setattr(resources, "bundle_folders", lambda: (tmp_path / "own", shipped))
    return tmp_path / "own"


def model_hash() -> str:
    return read_bundle(find_bundle(Settings().bundle), ModelBundle).files[MODEL]


BLENDSHAPES = Settings(aus="blendshapes")


def test_auto_takes_the_machines_that_belong(own_bundles: Path, demo_frames: list[Frame]) -> None:
    units = BlendshapeEstimator.units
    write_machines(own_bundles / "a-other-units", "native x", units, model_hash())
    write_machines(own_bundles / "b-other-net", "blendshapes", units, "0" * 64)
    (write_machines(own_bundles / "c-cut", "blendshapes", units, model_hash()) / SVMS).write_bytes(
        b""
    )
    write_machines(own_bundles / "d-right", "blendshapes", units, model_hash(), bias=9)
    pipeline = build_pipeline(BLENDSHAPES)
    assert (pipeline.au_estimator, pipeline.disambiguator) == ("blendshapes", "d-right")
    assert pipeline.thresholds is not None
    verdicts = [pipeline.process(frame).faces[0].verdict for frame in demo_frames[40:160:4]]
    assert any(verdict and verdict.contested for verdict in verdicts)
    pipeline.close()


@pytest.mark.parametrize("there", [False, True])
def test_without_machines_nothing_is_decided(
    own_bundles: Path, demo_frames: list[Frame], there: bool
) -> None:
    settings = BLENDSHAPES
    if there:
        write_machines(own_bundles / "a", "blendshapes", BlendshapeEstimator.units, model_hash())
        settings = BLENDSHAPES.model_copy(update={"disambiguate": "off"})
    pipeline = build_pipeline(settings)
    assert (pipeline.units, pipeline.disambiguator) == (BlendshapeEstimator.units, "")
    assert pipeline.thresholds is None
    result = pipeline.process(demo_frames[0])
    assert "disambiguate" not in result.stage_ms
    assert result.faces[0].verdict is None
    pipeline.close()


@pytest.mark.parametrize(
    ("estimator", "model", "said"),
    [("native x", None, "native x"), ("blendshapes", "0" * 64, "was not tuned for the net")],
)
def test_named_machines_that_do_not_belong(
    own_bundles: Path, estimator: str, model: str | None, said: str
) -> None:
    units = BlendshapeEstimator.units
    write_machines(own_bundles / "mine", estimator, units, model or model_hash())
    with pytest.raises(BundleError, match=said):
        build_pipeline(BLENDSHAPES.model_copy(update={"disambiguate": "mine"}))


def test_thresholds_of_the_user_s_own_are_asked_by(
    own_bundles: Path, demo_frames: list[Frame]
) -> None:
    write_machines(own_bundles / "mine", "blendshapes", BlendshapeEstimator.units, model_hash())
    never = BLENDSHAPES.model_copy(update={"t2": 0.0, "t3": 0.0})
    always = BLENDSHAPES.model_copy(update={"t2": 1.0, "t3": 0.0})
    for settings, contested in ((never, 0), (always, 2)):
        pipeline = build_pipeline(settings)
        verdict = pipeline.process(demo_frames[0]).faces[0].verdict
        assert verdict is not None
        assert len(verdict.contested) == contested
        pipeline.close()


def test_another_native_net_is_chosen_by_name(
    own_bundles: Path, landmarker_folder: Path, demo_frames: list[Frame]
) -> None:
    shipped = resources.root() / "models" / NATIVE_BUNDLE
    shutil.copytree(shipped, own_bundles / "mine")
    description = own_bundles / "mine" / "bundle.json"
    told = json.loads(description.read_text())
    description.write_text(json.dumps(told | {"name": "mine"}))
    pipeline = build_pipeline(Settings(au_bundle="mine"))
    assert pipeline.au_estimator == "native mine"
    assert pipeline.process(demo_frames[0]).faces[0].aus is not None
    pipeline.close()
    with pytest.raises(BundleError, match=r"No bundle named 'none'\. Installed: mine\."):
        build_pipeline(Settings(au_bundle="none"))


def test_a_neutral_face_is_taken_off_from_the_next_frame_on(
    own_bundles: Path, tmp_path: Path, demo_frames: list[Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "user_data", lambda: tmp_path / "data")
    pipeline = build_pipeline(BLENDSHAPES)
    before = pipeline.process(demo_frames[0]).faces[0].aus
    assert before is not None
    number = pipeline.units[0]
    for name, estimator in (("anna", "blendshapes"), ("ben", "native x")):
        save_profile(
            NeutralProfile(
                name=name,
                estimator=estimator,
                baseline={number: 0.9},
                spread={number: 0.0},
                seconds=10,
                values=300,
                recorded=datetime(2026, 5, 4, tzinfo=UTC),
            )
        )
    pipeline.use_neutral("anna")
    after = pipeline.process(demo_frames[1]).faces[0].aus
    assert after is not None
    assert after.activation[AU_INDEX[number]] == 0
    assert after.raw[AU_INDEX[number]] > 0
    with pytest.raises(ProfileError, match="'native x', not with 'blendshapes'"):
        pipeline.use_neutral("ben")
    assert pipeline.neutral == "anna"
    pipeline.use_neutral("")
    again = pipeline.process(demo_frames[2]).faces[0].aus
    assert again is not None
    np.testing.assert_array_equal(again.activation, again.raw)
    pipeline.close()


def test_a_native_net_that_is_missing(own_bundles: Path) -> None:
    with pytest.raises(BundleError, match=r"No bundle named 'au-native'.*--aus blendshapes"):
        build_pipeline(Settings())
