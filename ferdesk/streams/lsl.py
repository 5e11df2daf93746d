"""Results as Lab Streaming Layer streams, stamped with the time of capture on LSL's clock."""

import socket
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import ferdesk
from ferdesk.core.aus import AU_INDEX, unit
from ferdesk.core.errors import OutputError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FrameResult
from ferdesk.streams.base import age_s

_BUFFER: Final = 60
"""Hundreds of samples that are kept for a receiver that is slow."""


class Channel(NamedTuple):
    """A channel of a stream, as its description names it."""

    label: str
    unit: str


FACE_ID: Final = Channel("face_id", "number")
EXPRESSION_CHANNELS: Final = (FACE_ID, *(Channel(name, "probability") for name in EXPRESSIONS))
POSE_CHANNELS: Final = (
    FACE_ID,
    *(Channel(f"box_{one}", "pixels") for one in "xywh"),
    *(Channel(angle, "degrees") for angle in ("yaw", "pitch", "roll")),
    Channel("score", "probability"),
    Channel("frame_width", "pixels"),
    Channel("frame_height", "pixels"),
)


def unit_channels(units: Sequence[int]) -> tuple[Channel, ...]:
    """The channels of the stream of action units with these numbers."""
    values = (Channel(unit(number).code, "activation") for number in units)
    return (FACE_ID, Channel("reliable", "boolean"), *values)


def load_pylsl() -> Any:
    """The pylsl package, with the library that it brings.

    Raises:
        OutputError: it is not installed, or does not run here.
    """
    try:
        import pylsl
    except ImportError as error:
        raise OutputError("Lab Streaming Layer needs pylsl: pip install 'ferdesk[lsl]'.") from error
    except (OSError, RuntimeError) as error:
        raise OutputError(
            f"pylsl is installed, but its library liblsl cannot be loaded: {error}."
        ) from error
    return pylsl


class LslOutput:
    """Three streams of irregular rate, one sample a face: expressions, action units, pose.

    The first channel of each is the face's number. A sample's time stamp is the time of capture of
    the frame that the values were read from; action units of a slow estimator are sent once.
    There is no stream of action units where none are estimated.

    Everyone in the network can listen: LSL knows no password.

    Args:
        units: numbers of the action units that are estimated.
        estimator: what estimates them, for the description.
        bundle: the expression net, for the description.
        name: what the streams' names begin with; two programs on a machine need two.

    Raises:
        OutputError: pylsl is missing or does not run.
    """

    name: Final = "LSL"
    capacity: Final = 8

    def __init__(
        self, units: Sequence[int], *, estimator: str = "", bundle: str = "", name: str = "ferdesk"
    ) -> None:
        self._lsl = load_pylsl()
        self._prefix = name
        self._places = [AU_INDEX[number] for number in units]
        self._read: dict[int, float] = {}
        self._expressions = self._outlet("expressions", EXPRESSION_CHANNELS, bundle)
        self._pose = self._outlet("pose", POSE_CHANNELS, "")
        self._units = self._outlet("units", unit_channels(units), estimator) if units else None

    @property
    def status(self) -> str:
        """Which streams there are, and how many are listened to."""
        outlets = self._outlets()
        heard = sum(outlet.have_consumers() for outlet in outlets)
        return f"LSL streams {self._prefix}-*, {heard} of {len(outlets)} listened to"

    @property
    def address(self) -> str:
        """The streams' names."""
        kinds = ["expressions", "pose", *(["units"] if self._places else [])]
        return "LSL streams " + ", ".join(f"{self._prefix}-{kind}" for kind in kinds)

    def send(self, result: FrameResult) -> None:
        """Push one sample a face into each stream.

        Args:
            result: what the frame gave; one without a face gives no sample.
        """
        captured = self._lsl.local_clock() - age_s(result)
        height, width = result.frame.image.shape[:2]
        for face in result.faces:
            number = float(face.face.track_id)
            self._expressions.push_sample([number, *face.probabilities.tolist()], captured)
            where = (*face.face.box, *face.face.pose, face.face.score, width, height)
            self._pose.push_sample([number, *map(float, where)], captured)
        self._push_units(result, captured)

    def close(self) -> None:
        """Take the streams off the network."""
        # An outlet ends with its last reference.
        self._expressions = self._pose = self._units = None

    def _push_units(self, result: FrameResult, captured: float) -> None:
        read: dict[int, float] = {}
        for face in result.faces:
            if self._units is None or face.aus is None:
                continue
            number, time_s = face.face.track_id, face.aus.time_s
            read[number] = time_s
            if self._read.get(number) != time_s:
                before = max(0.0, result.frame.clock_s - time_s)
                values = face.aus.activation[self._places].tolist()
                self._units.push_sample(
                    [float(number), float(face.aus.reliable), *values], captured - before
                )
        self._read = read

    def _outlets(self) -> list[Any]:
        return [one for one in (self._expressions, self._pose, self._units) if one is not None]

    def _outlet(self, kind: str, channels: Sequence[Channel], model: str) -> Any:
        lsl = self._lsl
        info = lsl.StreamInfo(
            f"{self._prefix}-{kind}",
            _TYPES[kind],
            len(channels),
            lsl.IRREGULAR_RATE,
            lsl.cf_float32,
            # The same in every run, so that a receiver finds the stream again after a restart.
            f"{self._prefix}-{kind}@{socket.gethostname()}",
        )
        described = info.desc().append_child("channels")
        for channel in channels:
            one = described.append_child("channel")
            one.append_child_value("label", channel.label)
            one.append_child_value("unit", channel.unit)
        made = info.desc().append_child("acquisition")
        made.append_child_value("manufacturer", "ferdesk")
        made.append_child_value("version", ferdesk.__version__)
        if model:
            made.append_child_value("model", model)
        return lsl.StreamOutlet(info, max_buffered=_BUFFER)


_TYPES: Final = {
    "expressions": "FaceExpressions",
    "pose": "FacePose",
    "units": "FaceActionUnits",
}
"""What each stream's content is called."""
