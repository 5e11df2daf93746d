"""Spans of expressions, and what is made of them: captions and annotation files."""

from xml.etree import ElementTree

import av
import pytest
from pympi.Elan import Eaf

from ferdesk.exports.formats import export
from ferdesk.exports.spans import spans
from ferdesk.sessions.readings import Annotation

HOSTILE = "<b>&\n\n00:00:01.000 --> 00:00:02.000\nNOTE </v><script>\x01\x00\u2028世界"


def found(session, least_s):
    return [
        (one.label, round(one.start_s, 3), round(one.end_s, 3)) for one in spans(session, least_s)
    ]


def test_a_span_lasts_until_the_next_frame(make_session):
    session = make_session(["neutral"] * 3 + [None] * 2 + ["fear"] * 2)
    assert found(session, 0) == [("neutral", 0, 0.3), ("fear", 0.5, 0.7)]


def test_flicker_joins_the_expression_before(make_session):
    labels = ["neutral"] * 10 + ["fear"] + ["neutral"] * 5 + ["anger"] * 2 + ["happiness"] * 8
    session = make_session(labels)
    assert found(session, 0.5) == [("neutral", 0, 1.8), ("happiness", 1.8, 2.6)]
    assert len(found(session, 0)) == 5


def test_flicker_at_the_start_joins_the_one_after(make_session):
    session = make_session(["fear", "neutral", *["happiness"] * 9])
    assert found(session, 0.5) == [("happiness", 0, 1.1)]


def test_a_short_sight_of_somebody_stays(make_session):
    assert found(make_session([None] * 5 + ["fear"] + [None] * 5), 0.5) == [("fear", 0.5, 0.6)]


def test_nothing_is_said_about_a_pause(make_session):
    assert found(make_session(["fear"] * 3, step_s=20.0, fps=10.0), 0) == [
        ("fear", 0, 0.1),
        ("fear", 20, 20.1),
        ("fear", 40, 40.1),
    ]


def cues(path):
    """What FFmpeg's own reader finds: start and end in ms, and the text."""
    with av.open(str(path)) as media:
        stream = media.streams.subtitles[0]
        return [
            (packet.pts, packet.pts + packet.duration, bytes(packet).decode())
            for packet in media.demux(stream)
            if packet.size
        ]


def test_captions(make_session, tmp_path):
    notes = [
        Annotation(0.25, "note", HOSTILE, 1.5, 2, "An<n>a"),
        Annotation(0.4, "marker", ""),
        Annotation(3601.0, "event", "late"),
    ]
    session = make_session(["neutral"] * 10 + ["fear"] * 10, notes, people=2)
    assert export(session, "vtt", tmp_path / "a.vtt") == ("all numbers",)
    text = (tmp_path / "a.vtt").read_bytes().decode("utf-8")
    assert text.startswith("WEBVTT\n\nNOTE\n")
    assert text.count("-->") == 7
    assert "01:00:01.000 --> 01:00:03.000" in text
    shown = cues(tmp_path / "a.vtt")
    assert [(start, end) for start, end, _ in shown] == [
        *((0, 1000), (0, 1000), (250, 1500), (400, 2400), (1000, 2000), (1000, 2000)),
        (3_601_000, 3_603_000),
    ]
    assert shown[0][2] == "<v Person 1>neutral"
    assert shown[2][2].startswith(
        "<v An&lt;n&gt;a>Person 2, note: &lt;b&gt;&amp; 00:00:01.000 --&gt;"
    )
    assert "<script" not in text
    assert shown[3][2] == "marker"


def test_elan(make_session, tmp_path):
    notes = [
        Annotation(0.1, "note", "one", 1.0),
        Annotation(0.2, "note", HOSTILE, 0.5, 1, "Ana"),
        Annotation(0.3, "note", "three"),
        Annotation(0.6, "note", "four", 0.9),
        Annotation(0.0, "label", "happiness", 0.0, 1, "Ana"),
    ]
    session = make_session(["neutral"] * 10 + ["fear"] * 10, notes, people=2)
    (session.folder / "video.mp4").write_bytes(b"")
    (tmp_path / "out").mkdir()
    export(session, "elan", tmp_path / "out" / "a b.eaf")
    path = tmp_path / "out" / "a b.eaf"
    assert path.read_bytes().startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    assert str(tmp_path) not in path.read_text(encoding="utf-8")
    eaf = Eaf(str(path))
    assert list(eaf.get_tier_names()) == [
        *("Person 1", "Person 2", "label", "note", "note 2", "note 3")
    ]
    assert eaf.get_annotation_data_for_tier("Person 2") == [
        (0, 1000, "neutral"),
        (1000, 2000, "fear"),
    ]
    assert eaf.get_annotation_data_for_tier("label") == [(0, 2000, "Person 1: happiness (Ana)")]
    assert [one[:2] for one in eaf.get_annotation_data_for_tier("note 2")] == [
        (200, 500),
        (600, 900),
    ]
    assert "</v><script>\ufffd\ufffd 世界 (Ana)" in eaf.get_annotation_data_for_tier("note 2")[0][2]
    (media,) = eaf.media_descriptors
    assert media["RELATIVE_MEDIA_URL"] == "./../talk.ferdesk/video.mp4"
    assert media["MIME_TYPE"] == "video/mp4"
    assert ElementTree.parse(path).getroot().get("FORMAT") == "2.8"  # noqa: S314  (ours)


def test_elan_leaves_no_other_file(make_session, tmp_path):
    session = make_session()
    for _ in range(2):
        export(session, "elan", tmp_path / "a.eaf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.eaf", "talk.ferdesk"]


@pytest.mark.parametrize("name", ["vtt", "elan"])
def test_the_least_length_is_the_users(make_session, tmp_path, name):
    session = make_session(["neutral"] * 10 + ["fear"] * 2 + ["neutral"] * 10)
    export(session, name, tmp_path / "a", 0.1)
    assert "fear" in (tmp_path / "a").read_text()
    export(session, name, tmp_path / "a")
    assert "fear" not in (tmp_path / "a").read_text()
