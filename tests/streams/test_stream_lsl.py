"""What receivers of LSL get, on this machine; and the markers that come in."""

import dataclasses
import threading
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
from au_fakes import a_face, a_result, values
from stream_fakes import UNITS, a_live_result, eventually

from ferdesk.core.errors import OutputError
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.streams.lsl import LslOutput
from ferdesk.streams.lsl_markers import MarkerInlet, clean_text, marker_predicate

try:
    import pylsl
except (ImportError, OSError, RuntimeError) as error:
    pytest.skip(f"pylsl cannot be imported: {error}", allow_module_level=True)


@pytest.fixture
def prefix() -> str:
    """A name that no other stream in this network has."""
    return f"ferdesk-test-{uuid.uuid4().hex}"


@pytest.fixture
def output(prefix: str) -> Iterator[LslOutput]:
    opened = LslOutput(UNITS, estimator="fake", bundle="a net", name=prefix)
    yield opened
    opened.close()
    assert opened.status.endswith("0 of 0 listened to")


def listen(name: str) -> pylsl.StreamInlet:
    found = pylsl.resolve_byprop("name", name, 1, 20)
    assert len(found) == 1, "the stream is not found"
    inlet = pylsl.StreamInlet(found[0])
    inlet.open_stream(20)
    return inlet


def pull(inlet: pylsl.StreamInlet) -> tuple[list[float], float]:
    sample, stamp = inlet.pull_sample(20)
    assert sample is not None
    return sample, stamp


def channels(inlet: pylsl.StreamInlet) -> list[tuple[str, str]]:
    one = inlet.info(20).desc().child("channels").child("channel")
    found = []
    while not one.empty():
        found.append((one.child_value("label"), one.child_value("unit")))
        one = one.next_sibling("channel")
    return found


def test_expressions_arrive_with_the_time_of_capture(output: LslOutput, prefix: str) -> None:
    inlet = listen(f"{prefix}-expressions")
    assert eventually(lambda: output.status == f"LSL streams {prefix}-*, 1 of 3 listened to")
    result = a_live_result(faces=2, age_s=100.0)
    output.send(result)
    expected = pylsl.local_clock() - (time.monotonic_ns() - result.frame.captured_ns) / 1e9
    for face in result.faces:
        sample, stamp = pull(inlet)
        assert sample == pytest.approx([face.face.track_id, *face.probabilities.tolist()])
        assert abs(stamp - expected) < 0.5
        assert abs(stamp + inlet.time_correction(20) - expected) < 0.5
    assert [label for label, _ in channels(inlet)] == ["face_id", *EXPRESSIONS]
    assert {unit for _, unit in channels(inlet)[1:]} == {"probability"}
    info = inlet.info(20)
    assert info.nominal_srate() == pylsl.IRREGULAR_RATE
    assert info.type() == "FaceExpressions"
    assert info.source_id().startswith(f"{prefix}-expressions@")
    made = info.desc().child("acquisition")
    assert made.child_value("manufacturer") == "ferdesk"
    assert made.child_value("model") == "a net"


def test_units_are_those_estimated_and_come_once(output: LslOutput, prefix: str) -> None:
    inlet = listen(f"{prefix}-units")
    assert channels(inlet) == [
        ("face_id", "number"),
        ("reliable", "boolean"),
        ("AU12", "activation"),
        ("AU25", "activation"),
    ]
    result = a_live_result(age_s=1.0)
    old = values(result.frame.clock_s - 200, {12: 0.5, 25: 0.125}, reliable=False)
    slow = dataclasses.replace(result, faces=(a_result(old, face=a_face(3)), a_result(None)))
    output.send(slow)
    output.send(slow)  # the estimator has not read another frame since
    output.send(a_live_result())
    sample, stamp = pull(inlet)
    assert sample == [3.0, 0.0, 0.5, 0.125]
    assert 200 < pylsl.local_clock() - stamp < 220
    assert pull(inlet)[0] == [1.0, 1.0, 0.75, 0.25]


def test_where_the_face_is(output: LslOutput, prefix: str) -> None:
    inlet = listen(f"{prefix}-pose")
    assert channels(inlet)[5:8] == [(one, "degrees") for one in ("yaw", "pitch", "roll")]
    output.send(a_live_result(faces=0))
    result = a_live_result()
    output.send(result)
    face = result.faces[0].face
    where = [1, *face.box, *face.pose, face.score, 320, 180]
    assert pull(inlet)[0] == pytest.approx(where)


def test_a_receiver_finds_the_stream_again_after_a_restart(prefix: str) -> None:
    ids = set[str]()
    for _ in range(2):
        output = LslOutput((), name=prefix)
        ids.add(output._expressions.get_info().source_id())
        assert output.status == f"LSL streams {prefix}-*, 0 of 2 listened to"
        assert output.address == f"LSL streams {prefix}-expressions, {prefix}-pose"
        output.close()
    assert len(ids) == 1


Markers = list[tuple[float, str]]
Announce = Callable[..., pylsl.StreamOutlet]


def announce(name: str, channels: int = 1, kind: str = "Markers") -> pylsl.StreamOutlet:
    return pylsl.StreamOutlet(
        pylsl.StreamInfo(name, kind, channels, pylsl.IRREGULAR_RATE, pylsl.cf_string, name)
    )


@pytest.fixture
def markers(prefix: str) -> Iterator[tuple[MarkerInlet, Markers]]:
    got: Markers = []
    inlet = MarkerInlet(
        lambda time_s, text: got.append((time_s, text)),
        predicate=f"type='Markers' and starts-with(name,'{prefix}')",
    )
    yield inlet, got
    inlet.close()
    inlet.close()


def test_markers_come_with_their_time_on_our_clock(
    markers: tuple[MarkerInlet, Markers], prefix: str
) -> None:
    inlet, got = markers
    one, other = announce(f"{prefix}-1"), announce(f"{prefix}-2", channels=2)
    announce(f"{prefix}-3", kind="Other")
    assert eventually(lambda: "2 streams" in inlet.status)
    one.push_sample(["stimulus"], pylsl.local_clock() - 50.0)
    set_at = time.monotonic() - 50.0
    assert eventually(lambda: len(got) == 1)
    assert got[0][1] == "stimulus"
    assert abs(got[0][0] - set_at) < 0.5
    other.push_sample(["trial", "7"])
    assert eventually(lambda: len(got) == 2)
    assert got[1][1] == "trial 7"
    assert abs(got[1][0] - time.monotonic()) < 15
    assert inlet.status == "Markers from 2 streams, 2 received"


def test_a_marker_stream_may_end_and_come_again(
    markers: tuple[MarkerInlet, Markers], prefix: str
) -> None:
    inlet, got = markers
    for text in ("before", "after"):
        outlet = announce(f"{prefix}-m")
        assert eventually(lambda: "1 stream," in inlet.status, 30)
        assert eventually(outlet.have_consumers)
        outlet.push_sample([text])
        assert eventually(lambda text=text: any(one[1] == text for one in got))
        del outlet
        assert eventually(lambda: "0 streams" in inlet.status, 30)
    assert len(got) == 2


def test_strangers_text_is_cut_and_floods_are_thinned_out(
    markers: tuple[MarkerInlet, Markers], prefix: str
) -> None:
    inlet, got = markers
    outlet = announce(f"{prefix}-m")
    assert eventually(lambda: "1 stream," in inlet.status)
    outlet.push_sample(["x" * 100_000])
    outlet.push_sample([b"\xff\x1b[2J bad\x00bytes"])
    outlet.push_sample(["no time"], float("inf"))
    for number in range(200):
        outlet.push_sample([str(number)])
    assert eventually(lambda: "left out" in inlet.status)
    assert eventually(lambda: counted(inlet) == 203)
    assert got[0][1] == "x" * 256
    assert got[1][1] == "\ufffd [2J bad bytes"
    assert len(got) < 150


def counted(inlet: MarkerInlet) -> int:
    return inlet._received + inlet._left_out


def test_a_listener_that_fails_is_told(prefix: str, caplog: pytest.LogCaptureFixture) -> None:
    def bad(time_s: float, text: str) -> None:
        raise ValueError("no room")

    inlet = MarkerInlet(bad, name=f"{prefix}-'m'")
    outlet = announce(f"{prefix}-'m'")
    assert eventually(lambda: "1 stream," in inlet.status)
    outlet.push_sample(["x"])
    assert eventually(lambda: inlet.status == "Markers are off: ValueError: no room")
    inlet.close()
    assert "listening to markers failed" in caplog.text


def test_predicates() -> None:
    assert marker_predicate() == "type='Markers' and channel_format='string'"
    assert marker_predicate("it's").endswith('name="it\'s"')
    assert marker_predicate(predicate="a or b").startswith("(a or b) and ")
    with pytest.raises(OutputError, match="quotation mark"):
        marker_predicate("'\"")


def test_closing_does_not_wait_for_streams() -> None:
    inlet = MarkerInlet(lambda *_: None, name="nobody has this name")
    started = time.monotonic()
    inlet.close()
    assert time.monotonic() - started < 4
    assert "ferdesk-markers" not in {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("text", ["", "\n\t ", "\x00\x1b"])
def test_empty_markers_say_nothing(text: str) -> None:
    assert clean_text(text.encode()) == ""
