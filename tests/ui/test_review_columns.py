"""Columns, events and summaries say what the rows say."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from review_fakes import a_clip, even, numbers_only

from ferdesk.core.aus import AU_INDEX
from ferdesk.core.errors import DamagedSessionError, SessionError
from ferdesk.exports.spans import spans
from ferdesk.review.columns import Timeline, read_people, read_units
from ferdesk.review.curves import curves_of, with_gaps
from ferdesk.review.events import (
    contested_spans,
    event_times,
    expression_spans,
    next_time,
    time_before,
)
from ferdesk.review.opening import open_session, people_of, trouble_of
from ferdesk.review.playhead import Playhead
from ferdesk.review.stamps import seconds_of, stamp
from ferdesk.review.summary import overview_of
from ferdesk.sessions import schema
from ferdesk.sessions.overview import overview
from ferdesk.sessions.session import Session

TALK = [
    *["neutral"] * 10,
    *["happiness"] * 12,
    *["fear"] * 2,  # a flicker
    *["happiness"] * 6,
    *[None] * 15,
    *["surprise"] * 10,
]


def change(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / schema.DATABASE)) as db, db:
        db.execute(statement)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return numbers_only(tmp_path / "talk.ferdesk", TALK, contested=(3, 4, 8, 25), people=2)


def test_columns_equal_the_rows(talk: Path) -> None:
    opened = open_session(talk)
    first, second = people_of(opened)
    assert (first.face_id, second.face_id) == (1, 2)
    with Session(talk) as session:
        frames = list(session.frames())
        units = read_units(session, first, opened.timeline)
        assert opened.timeline.times_s.tolist() == [frame.time_s for frame in frames]
        seen = [(place, frame.faces[0]) for place, frame in enumerate(frames) if frame.faces]
    assert first.frames.tolist() == [place for place, _ in seen]
    for row, (_, face) in enumerate(seen):
        assert np.array_equal(first.probabilities[row], face.probabilities)
        assert face.verdict is not None
        assert first.contested[row] == bool(face.verdict.contested)
        assert face.aus is not None
        for column, number in enumerate(units.units):
            assert units.raw[row, column] == face.aus.raw[AU_INDEX[number]]
            assert units.corrected[row, column] == face.aus.activation[AU_INDEX[number]]


def test_spans_equal_those_of_the_exports(talk: Path) -> None:
    first = people_of(open_session(talk))[0]
    with Session(talk) as session:
        wanted = [span for span in spans(session) if span.face_id == 1]
    found = expression_spans(first)
    assert [span.label for span in found] == ["neutral", "happiness", "surprise"]
    assert [span.label for span in wanted] == [span.label for span in found]
    for one, other in zip(found, wanted, strict=True):
        assert one.start_s == pytest.approx(other.start_s)
        assert one.end_s == pytest.approx(other.end_s)


def test_contests_near_each_other_are_one(talk: Path) -> None:
    first = people_of(open_session(talk))[0]
    assert np.allclose(contested_spans(first), [(0.3, 0.9), (2.5, 2.6)])
    starts = event_times("contest", first, ())
    assert next_time(starts, 0.3) == pytest.approx(2.5)
    assert time_before(starts, 2.5) == pytest.approx(0.3)
    assert next_time(starts, 2.5) is None
    assert time_before(starts, 0.3) is None
    assert len(event_times("change", None, ())) == 0


def test_the_summary_equals_that_of_the_command(talk: Path) -> None:
    opened = open_session(talk)
    short = overview_of(opened, people_of(opened))
    assert list(short.lines()) == list(overview(talk).lines())
    assert "person 1: 40 frames; neutral 25%, happiness 45%, surprise 25%, fear 5%" in list(
        short.lines()
    )


def test_no_line_is_drawn_across_a_gap(talk: Path) -> None:
    opened = open_session(talk)
    curves = curves_of(opened, people_of(opened)[0])
    (gap,) = np.flatnonzero(np.isnan(curves.odds[0]))
    assert 2.9 < curves.times_s[gap] < 4.5
    assert (np.diff(curves.times_s) > 0).all()
    assert curves.odds.shape == (8, 41)
    assert not curves.same
    assert curves.moved == (1, 12)
    times, (column,) = with_gaps(np.zeros(0), np.zeros((0, 3), np.float32))
    assert len(times) == 0
    assert column.shape == (3, 0)


def test_rows_without_their_frame_and_doubles_are_left_out(talk: Path) -> None:
    change(talk, "INSERT INTO faces SELECT * FROM faces WHERE frame = 5")
    change(talk, "DELETE FROM frames WHERE frame = 6")
    opened = open_session(talk)
    with Session(talk) as session:
        first = read_people(session, opened.timeline)[0]
        units = read_units(session, first, opened.timeline)
    assert len(first.frames) == 39
    assert len(units.raw) == 39
    assert (np.diff(first.frames) > 0).all()


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE faces SET p_fear = 'much' WHERE frame = 3", "edited by hand"),
        ("UPDATE faces SET p_fear = 7 WHERE frame = 3", "not within 0 and 1"),
        ("UPDATE faces SET au12 = 9e999 WHERE frame = 3", "not finite"),
        ("UPDATE frames SET time_s = 0 WHERE frame = 3", "do not rise"),
        ("UPDATE frames SET time_s = 1e30 WHERE frame = 54", "do not rise"),
        ("UPDATE frames SET time_s = 'noon' WHERE frame = 3", "edited by hand"),
    ],
)
def test_what_was_edited_by_hand_is_refused(talk: Path, statement: str, words: str) -> None:
    change(talk, statement)
    with pytest.raises(SessionError, match=words) as caught:
        opened = open_session(talk)
        curves_of(opened, people_of(opened)[0])
    assert not trouble_of(caught.value).repairable


def test_a_database_without_its_columns_is_damaged(talk: Path) -> None:
    change(talk, "ALTER TABLE faces DROP COLUMN p_fear")
    opened = open_session(talk)
    with pytest.raises(DamagedSessionError) as caught:
        people_of(opened)
    assert trouble_of(caught.value).repairable


def test_nothing_recorded_is_no_error(tmp_path: Path) -> None:
    opened = open_session(numbers_only(tmp_path / "a.ferdesk", []))
    assert len(opened.timeline) == 0
    assert opened.timeline.seconds == 0.0
    assert people_of(opened) == ()


def test_a_session_with_a_video_knows_it(tmp_path: Path) -> None:
    opened = open_session(a_clip(tmp_path / "a.ferdesk", even(3)))
    assert opened.video == tmp_path / "a.ferdesk" / schema.VIDEO
    assert opened.timeline.in_video.all()


def test_the_playhead_keeps_time() -> None:
    times = np.array([0.0, 0.1, 0.5, 1.0])
    head = Playhead(Timeline(np.arange(4) + 10, times, np.ones(4, bool)))
    assert head.number == 10
    head.play(100.0)
    assert not head.advance(100.05)
    assert head.advance(100.2)
    assert head.index == 1
    head.set_speed(2.0, 100.2)
    assert head.advance(100.4)
    assert head.index == 2  # 0.1 + 0.2 * 2
    assert head.advance(101.0)
    assert not head.playing
    head.play(200.0)  # from the end: anew
    assert head.index == 0
    head.pause()
    head.go_to_time(0.7, 0.0)
    assert (head.index, head.time_s) == (2, 0.5)
    head.go(99, 0.0)
    assert head.index == 3


def test_stamps() -> None:
    assert [stamp(one) for one in (0, 65.25, 3725.5)] == ["00:00.000", "01:05.250", "1:02:05.500"]
    for text, seconds in (("75.5", 75.5), ("1:15.5", 75.5), ("1:02:05.5", 3725.5)):
        assert seconds_of(text) == seconds
    for text in ("", "soon", "-3", "nan", "1:2:3:4", "1e99"):
        with pytest.raises(ValueError, match="is no time"):
            seconds_of(text)
