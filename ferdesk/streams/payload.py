"""What a frame is to programs that listen over a WebSocket: schema "ferdesk.frame/1".

A change that could break a listener gets a new number.
"""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FrameResult
from ferdesk.streams.base import age_s

SCHEMA: Final = "ferdesk.frame/1"

Known = float | None
"""A number, or null where it is not known."""

Probabilities = Annotated[
    dict[str, Known],
    WithJsonSchema(
        {
            "type": "object",
            "properties": {name: {"type": ["number", "null"]} for name in EXPRESSIONS},
            "required": list(EXPRESSIONS),
            "additionalProperties": False,
        }
    ),
]


class _Message(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class PoseMessage(_Message):
    """Head rotation in degrees; all zero looks into the camera."""

    yaw: Known
    """Above zero the face turns towards the right of the image."""
    pitch: Known
    """Above zero it looks up."""
    roll: Known
    """Above zero it tilts clockwise as seen in the image."""


class UnitMessage(_Message):
    """One action unit: 0 (at rest) to 1 (as strong as the estimator knows it)."""

    activation: float | None = None
    """As estimated, less the person's own neutral face where that is known; left out where it is
    not known."""
    raw: float
    """As estimated; of a paired unit the mean of its sides."""
    left: float | None = None
    """As estimated, the person's own left side; left out where sides are unknown."""
    right: float | None = None
    """The same of the right side."""


class UnitsMessage(_Message):
    """The action units of one face; what was not estimated is left out."""

    estimator: str
    """What estimated them."""
    time_s: float
    """The time of the frame that they were read from, in seconds on the source's clock (see
    `time_s` of the frame; of a live source `captured_ns`): it may be an earlier frame."""
    reliable: bool
    """Whether the face was large enough and turned to the camera enough."""
    units: dict[str, UnitMessage]
    """By code: "AU12"."""


class ReasonMessage(_Message):
    """What one action unit added to a decision."""

    au: int
    """Its number."""
    weight: float
    """In units of log-odds; above zero speaks for the expression that was chosen."""


class VerdictMessage(_Message):
    """What the action units said to an answer without a clear winner."""

    own: str
    """The expression net's own answer."""
    contested: list[str]
    """The expressions between which it had no clear winner; empty where it had one."""
    chosen: str
    """What came out."""
    abstained: bool
    """Whether something was contested and the units were not asked, or not followed."""
    margin: float
    """By how much the units spoke for it, in units of log-odds."""
    reasons: list[ReasonMessage]
    """The units that tipped it, strongest first."""


class FaceMessage(_Message):
    """One face in one frame."""

    id: int
    """The person's number in this run, from 1."""
    box: tuple[Known, Known, Known, Known]
    """Left, top, width, height in pixels of the frame."""
    pose: PoseMessage
    score: Known
    """How sure it is that this is a face, 0..1."""
    label: str
    """The most probable expression; empty where none was judged."""
    confidence: Known
    """Its probability, 0..1."""
    probabilities: Probabilities
    """By expression, smoothed over the last moments; their sum is 1."""
    raw: Probabilities
    """The net's answer for this frame alone."""
    aus: UnitsMessage | None
    """Null where none are estimated (yet)."""
    verdict: VerdictMessage | None
    """Null where nothing asks the units."""


class FrameMessage(_Message):
    """All that one frame gave."""

    schema_: Literal["ferdesk.frame/1"] = Field(alias="schema")
    """This format and its version."""
    source: str
    """Name of the file, camera or host."""
    frame: int
    """Number in the source, from 0; dropped frames leave gaps."""
    time_s: float | None
    """Time in the file, in seconds; null for live sources and pictures."""
    width: int
    """Of the frame, in pixels."""
    height: int
    """Of the frame, in pixels."""
    captured_at: datetime
    """Wall clock time (UTC) when the frame was captured."""
    captured_ns: int
    """The same on the machine's monotonic clock, in nanoseconds."""
    done_ns: int
    """When its analysis ended, on that clock."""
    stage_ms: dict[str, float]
    """Milliseconds that each stage of the analysis took."""
    faces: list[FaceMessage]
    """Largest first."""


def frame_message(result: FrameResult) -> FrameMessage:
    """Make a result into a message; to be called soon after it was captured, by the wall clock.

    Raises:
        pydantic.ValidationError: it holds an infinite number.
    """
    frame = result.frame
    height, width = frame.image.shape[:2]
    return FrameMessage.model_validate(
        {
            "schema": SCHEMA,
            **result.to_dict(),
            "width": width,
            "height": height,
            "captured_at": datetime.now(UTC) - timedelta(seconds=age_s(result)),
            "captured_ns": frame.captured_ns,
            "done_ns": result.done_ns,
        }
    )


def to_json(message: FrameMessage) -> str:
    """The message as one line of JSON."""
    return message.model_dump_json(by_alias=True, exclude_unset=True)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a message."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA,
        **FrameMessage.model_json_schema(),
    }


def write_schema(path: Path) -> None:
    """Write the JSON Schema into a file: docs/streams/frame-1.schema.json."""
    path.write_text(json.dumps(json_schema(), indent=2) + "\n", encoding="utf-8")
