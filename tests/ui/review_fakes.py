"""Sessions to look at, and the workspace that looks at them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from session_fakes import some_meta, some_result

from ferdesk.core.aus import AU_INDEX, N_UNITS
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import AuValues, FaceReading, FloatArray, ImageU8, Verdict
from ferdesk.review.pictures import StoredPicture
from ferdesk.sessions import schema
from ferdesk.sessions.readings import Annotation, FrameReading
from ferdesk.sessions.store import SessionStore
from ferdesk.sessions.writer import SessionWriter
from ferdesk.ui.review.workspace import ReviewWorkspace
from ferdesk.ui.theme import DARK
from ferdesk.ui.worker import Jobs

FINISHED = datetime(2026, 11, 22, 13, tzinfo=UTC)
STEP_S = 0.1
SLOW_S = 20.0
SLOW_MS = 20_000
"""The machine may be busy."""


def a_clip(folder: Path, times_s: Sequence[float], **meta: object) -> Path:
    """A recorded session with a video: frame n has a white column at pixel n % 160."""
    writer = SessionWriter(folder, some_meta(**meta))
    for index, time_s in enumerate(times_s):
        writer.write(some_result(index, time_s=time_s))
    writer.close()
    return folder


def even(frames: int) -> list[float]:
    return [index / 30 for index in range(frames)]


def marker(image: ImageU8) -> int:
    """Which column is white."""
    return int(image[..., :3].mean(axis=(0, 2)).argmax())


def odds(label: str, most: float = 0.72) -> FloatArray:
    vector = np.full(8, (1 - most) / 7, np.float32)
    vector[EXPRESSIONS.index(label)] = most
    return vector


def a_reading(label: str, person: int, time_s: float, contested: bool) -> FaceReading:
    """A face of 68 points whose unit 12 is 0.25 above its neutral face."""
    face = some_result(0).faces[0].face
    values = np.full((4, N_UNITS), np.nan, np.float32)
    values[:2, AU_INDEX[12]] = 0.75, 0.5
    values[:2, AU_INDEX[1]] = (time_s % 1, time_s % 1)
    raw, activation, left, right = values
    vector = odds(label)
    rivals = ("fear", "surprise") if contested else ()
    return FaceReading(
        replace(face, track_id=person, landmarks=face.landmarks[:68]),
        vector,
        vector,
        AuValues("fake", raw, activation, left, right, time_s, True),
        Verdict(label, rivals, label, False, 0.0, (), vector),
    )


def numbers_only(
    folder: Path,
    labels: Sequence[str | None],
    contested: Sequence[int] = (),
    notes: Sequence[Annotation] = (),
    people: int = 1,
    **meta: object,
) -> Path:
    """A session without a video: a frame each tenth of a second, None for one without a face."""
    folder.mkdir(parents=True)
    about = some_meta(**{"video": "none", "finished": FINISHED, **meta})
    with SessionStore(folder / schema.DATABASE, about) as store:
        for number, label in enumerate(labels):
            time_s = number * STEP_S
            faces = tuple(
                a_reading(label, person + 1, time_s, number in contested)
                for person in range(people if label else 0)
                if label
            )
            store.add(FrameReading(number, number, time_s, time_s, 0, 0, None, False, faces))
        for note in notes:
            store.annotate(note)
    return folder


def a_talk(parent: Path) -> Path:
    """Three seconds of two people: a marker at 0.55 s, a note from 2 to 2.5 s, two contests."""
    labels = [*["neutral"] * 10, *["happiness"] * 10, *["fear"] * 10]
    notes = [Annotation(0.55, "marker", ""), Annotation(2.0, "note", "laughs", 2.5)]
    folder = parent / "talk.ferdesk"
    return numbers_only(folder, labels, contested=(4, 25), notes=notes, people=2)


@contextmanager
def workspace(folder: Path, said: list[str] | None = None) -> Iterator[ReviewWorkspace]:
    """A shown workspace whose recordings lie in a folder."""
    jobs = Jobs()
    review = ReviewWorkspace(jobs, (said if said is not None else []).append, folder)
    review.set_colours(DARK)
    review.resize(900, 640)
    review.show()
    review.activateWindow()
    try:
        yield review
    finally:
        assert review.shut_down(SLOW_S)
        assert jobs.close(SLOW_S)
        review.close()
        review.deleteLater()
        QApplication.processEvents()


def open_and_wait(qtbot: QtBot, review: ReviewWorkspace, folder: Path) -> None:
    """Open a session; all of it is shown when this returns."""
    review.open(folder)
    qtbot.waitUntil(
        lambda: (
            review.page.opened is not None
            and review.page.opened.folder == folder
            and review.page.view.picture is not None
        ),
        timeout=SLOW_MS,
    )
    qtbot.waitUntil(lambda: _drawn(review), timeout=SLOW_MS)


def shown(qtbot: QtBot, review: ReviewWorkspace) -> StoredPicture:
    """The picture, once it is that of the place where the review is."""
    head = review.page.playhead
    assert head is not None

    def there() -> bool:
        picture = review.page.view.picture
        return picture is not None and picture.index == head.index

    qtbot.waitUntil(there, timeout=SLOW_MS)
    picture = review.page.view.picture
    assert picture is not None
    return picture


def press(
    qtbot: QtBot,
    review: ReviewWorkspace,
    key: Qt.Key,
    modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier,
) -> None:
    """Press a key in the picture."""
    review.page.view.setFocus()
    qtbot.keyClick(review.page.view, key, modifier)


def _drawn(review: ReviewWorkspace) -> bool:
    plots = review.page.plots
    nobody = bool(plots.remark.text())
    waits = plots.odds.drawing or plots.activations.drawing
    return nobody or (plots.curves is not None and not waits)
