"""The whole way of a frame, on the demo clip."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import Frame, FrameResult
from ferdesk.pipeline import Pipeline, build_pipeline
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
    assert list(results[0].stage_ms) == ["faces", "track", "crop", "expression", "smooth"]
    assert all(value >= 0 for value in results[0].stage_ms.values())


def test_the_same_clip_gives_the_same_numbers(
    pipeline: Pipeline, demo_frames: list[Frame], results: list[FrameResult]
) -> None:
    pipeline.reset()
    for frame, before in zip(demo_frames[:40], results, strict=False):
        again = pipeline.process(frame)
        np.testing.assert_array_equal(again.faces[0].raw, before.faces[0].raw)
        np.testing.assert_array_equal(again.faces[0].probabilities, before.faces[0].probabilities)


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
