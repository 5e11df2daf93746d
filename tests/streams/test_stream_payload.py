"""Messages are what their published schema says."""

import dataclasses
import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from au_fakes import a_face, a_frame_result, a_result, values
from material import ROOT
from pydantic import ValidationError
from stream_fakes import a_live_result

from ferdesk.streams.payload import FrameMessage, frame_message, json_schema, to_json, write_schema

SCHEMA = ROOT / "docs" / "streams" / "frame-1.schema.json"


def test_the_published_schema_is_current(tmp_path: Path) -> None:
    write_schema(tmp_path / "now.json")
    assert SCHEMA.read_text(encoding="utf-8") == (tmp_path / "now.json").read_text(
        encoding="utf-8"
    ), "write it anew with ferdesk.streams.payload.write_schema"


@pytest.mark.parametrize(
    "result",
    [a_live_result(faces=2), a_live_result(faces=0), a_frame_result([a_result(None)], 1.5, 7)],
    ids=["live", "nobody", "file"],
)
def test_messages_are_valid(result) -> None:
    validator = pytest.importorskip("jsonschema").Draft202012Validator
    published = json.loads(SCHEMA.read_text(encoding="utf-8"))
    validator.check_schema(published)
    text = to_json(frame_message(result))
    message = json.loads(text)
    validator(published).validate(message)
    assert to_json(FrameMessage.model_validate_json(text)) == text
    assert message["schema"] == published["$id"] == "ferdesk.frame/1"
    for key, value in result.to_dict().items():
        assert message[key] == json.loads(json.dumps(value))


def test_the_schema_refuses_what_is_no_message() -> None:
    validator = pytest.importorskip("jsonschema").Draft202012Validator(json_schema())
    message = json.loads(to_json(frame_message(a_live_result())))
    assert validator.is_valid(message)
    for key in message:
        assert not validator.is_valid({name: message[name] for name in message if name != key})
    assert not validator.is_valid({**message, "schema": "ferdesk.frame/2"})
    assert not validator.is_valid({**message, "more": 1})
    del message["faces"][0]["probabilities"]["fear"]
    assert not validator.is_valid(message)


def test_it_knows_when_the_frame_was_captured() -> None:
    result = a_live_result(age_s=60.0)
    message = frame_message(result)
    expected = datetime.now(UTC) - timedelta(seconds=60)
    assert abs(message.captured_at - expected) < timedelta(seconds=5)
    assert message.captured_at.utcoffset() == timedelta(0)
    assert message.captured_ns == result.frame.captured_ns
    assert message.done_ns == result.done_ns
    assert (message.width, message.height) == (320, 180)


def test_units_that_are_not_estimated_are_left_out() -> None:
    face = json.loads(to_json(frame_message(a_live_result())))["faces"][0]
    assert face["aus"]["units"] == {
        "AU12": {"activation": 0.75, "raw": 0.75, "left": 0.5, "right": 1.0},
        "AU25": {"activation": 0.25, "raw": 0.25},
    }


def test_what_is_not_known_is_null() -> None:
    validator = pytest.importorskip("jsonschema").Draft202012Validator(json_schema())
    face = a_result(values(0.0, {12: 0.5}), face=a_face(yaw=math.nan))
    nothing = np.full_like(face.raw, math.nan)
    unknown = dataclasses.replace(face, raw=nothing, probabilities=nothing)
    message = json.loads(to_json(frame_message(a_frame_result([unknown]))))
    validator.validate(message)
    assert message["faces"][0]["probabilities"]["fear"] is None
    assert message["faces"][0]["pose"]["yaw"] is None
    assert message["faces"][0]["label"] == ""


def test_what_is_infinite_is_not_sent() -> None:
    with pytest.raises(ValidationError):
        frame_message(a_frame_result([a_result(None, face=a_face(yaw=math.inf))]))
