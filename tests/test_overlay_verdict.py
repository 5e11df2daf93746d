"""What a verdict says, how long it stays, and that the picture shows it."""

from dataclasses import replace

import numpy as np
import pytest
from au_fakes import a_face, a_frame_result, a_result, values

from ferdesk.core.types import AuValues, Box, FaceResult, Reason, Verdict
from ferdesk.overlay import OverlayOptions, draw
from ferdesk.overlay_verdict import HOLD_S, READ_S, VerdictMemory, verdict_line

ODDS = np.full(8, 1 / 8, np.float32)
TIPPED = Verdict(
    "surprise",
    ("fear", "surprise"),
    "fear",
    False,
    0.63,
    (Reason(20, 0.41), Reason(4, 0.22), Reason(12, -0.08)),
    ODDS,
)
CLEAR = Verdict("anger", (), "anger", False, 0.0, (), ODDS)
SILENT = replace(TIPPED, own="fear", abstained=True, margin=0.0, reasons=())


@pytest.mark.parametrize(
    ("verdict", "aus", "line"),
    [
        (TIPPED, values(), "fear vs surprise: AU20 +0.41, AU4 +0.22 → fear"),
        (CLEAR, values(), ""),
        (SILENT, None, "fear vs surprise: no units yet → net: fear"),
        (SILENT, values(reliable=False), "fear vs surprise: units not reliable → net: fear"),
        (SILENT, values(), "fear vs surprise: units not estimated → net: fear"),
        (
            replace(SILENT, margin=-0.1),
            values(),
            "fear vs surprise: units do not tell → net: fear",
        ),
        (
            replace(TIPPED, reasons=(Reason(1, 0.004),)),
            values(),
            "fear vs surprise: no unit stands out → fear",
        ),
        (
            replace(
                TIPPED,
                contested=("fear", "surprise", "anger"),
                chosen="anger",
                reasons=(Reason(4, 1.5), Reason(5, -0.1)),
            ),
            values(),
            "fear vs surprise vs anger: AU4 +1.50, AU5 −0.10 → anger",
        ),
    ],
)
def test_the_line(verdict: Verdict, aus: AuValues | None, line: str):
    assert verdict_line(verdict, aus) == line


def test_as_many_reasons_as_asked_for():
    assert verdict_line(TIPPED, None, 1) == "fear vs surprise: AU20 +0.41 → fear"
    assert "AU12 −0.08 → fear" in verdict_line(TIPPED, None, 3)


def test_a_line_stays_until_it_can_be_read():
    memory = VerdictMemory()
    first, second, clear = (a_result(values(), one) for one in (TIPPED, SILENT, CLEAR))
    assert memory.recall(clear, 9.0) is None
    assert memory.recall(first, 10.0) is first
    assert memory.recall(second, 10.0 + READ_S / 2) is first, "its figures can be read"
    assert memory.recall(second, 10.0 + READ_S) is second
    last = 10.0 + READ_S
    assert memory.recall(clear, last + HOLD_S * 0.9) is second
    assert memory.recall(clear, last + HOLD_S) is None


def test_tracks_do_not_share_a_line_and_time_may_begin_again():
    memory = VerdictMemory()
    one, other = a_result(values(), TIPPED, a_face(1)), a_result(values(), CLEAR, a_face(2))
    assert memory.recall(one, 50.0) is one
    assert memory.recall(other, 50.0) is None
    assert memory.recall(a_result(values(), CLEAR, a_face(1)), 0.0) is None
    assert memory.recall(a_result(values(), None, a_face(1)), 0.1) is None


def text_pixels(face: FaceResult, options: OverlayOptions) -> int:
    frame = a_frame_result([face])
    return int((draw(frame, options) != frame.frame.image).any(axis=2).sum())


def test_the_picture_shows_it():
    bare = OverlayOptions(boxes=False, ids=False, labels=False, bars=False)
    face = a_face(box=Box(100, 20, 100, 120))
    assert text_pixels(a_result(values(), TIPPED, face), bare) > 500
    assert text_pixels(a_result(values(), CLEAR, face), bare) == 0
    assert text_pixels(a_result(None, None, face), bare) == 0
    assert text_pixels(a_result(values(), TIPPED, face), replace(bare, verdicts=False)) == 0


def test_the_picture_keeps_it_where_it_remembers():
    bare = OverlayOptions(boxes=False, ids=False, labels=False, bars=False)
    memory = VerdictMemory()
    draw(a_frame_result([a_result(values(), TIPPED)], 3.0), bare, memory)
    later = a_frame_result([a_result(values(), CLEAR)], 3.5)
    assert (draw(later, bare, memory) != later.frame.image).any()
    assert (draw(later, bare) == later.frame.image).all()


@pytest.mark.parametrize("box", [Box(0, 0, 50, 60), Box(270, 120, 49, 59), Box(0, 0, 320, 180)])
def test_the_line_lies_within_the_picture(box: Box):
    bare = OverlayOptions(boxes=False, ids=False, labels=False, bars=False)
    frame = a_frame_result([a_result(values(), TIPPED, a_face(box=box))])
    drawn = draw(frame, bare)
    rows = np.flatnonzero((drawn != frame.frame.image).any(axis=(1, 2)))
    assert 8 <= len(rows) <= 24
