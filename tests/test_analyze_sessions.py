"""Sessions that the analysis of files writes beside its tables."""

import csv
import io
import stat
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from test_analyze import SquareFinder, clip, still

from ferdesk.analyze import analyze
from ferdesk.batch import Here, analyze_batch
from ferdesk.batch_record import state_of
from ferdesk.exports.native import write_table
from ferdesk.sessions import recorder as recorder_module
from ferdesk.sessions.readings import Annotation, VideoMode
from ferdesk.sessions.session import Session
from ferdesk.sessions.verify import verify
from ferdesk.settings import Settings
from ferdesk.sources.video import VideoFile
from ferdesk.summary import Summary

TIMES = [0.0, 0.04, 0.4, 0.44, 2.0]


def go(inputs: Sequence[Path], out: Path, session: VideoMode | None = "raw") -> tuple[Summary, ...]:
    return analyze(
        [str(one) for one in inputs],
        out,
        Settings(max_faces=3),
        session=session,
        build=lambda _: SquareFinder(),
    )


def changed(image: np.ndarray) -> float:
    """The share of values that are not as they were."""
    return float((np.abs(image.astype(int) - still()) > 30).mean())


def test_a_session_holds_what_the_table_holds(tmp_path: Path) -> None:
    source = clip(tmp_path / "face.mp4", TIMES, faces_until=4)
    (plain,) = go([source], tmp_path / "plain", None)
    (summary,) = go([source], tmp_path / "out")
    folder = tmp_path / "out" / "face.ferdesk"
    assert summary.files == (*(file.replace("plain", "out") for file in plain.files), str(folder))
    table = (tmp_path / "out" / "face.csv").read_bytes()
    assert table == (tmp_path / "plain" / "face.csv").read_bytes()
    with Session(folder) as session:
        frames = list(session.frames())
        assert [frame.time_s for frame in frames] == pytest.approx(TIMES, abs=1e-4)
        assert [len(frame.faces) for frame in frames] == [1, 1, 1, 1, 0]
        assert session.meta.source == "face.mp4"
        assert session.meta.settings == Settings(max_faces=3)
        assert (session.meta.video, session.meta.units) == ("raw", (12, 25))
        exported = io.BytesIO()
        write_table(session, exported, folder)
    rows = csv.DictReader(io.StringIO(table.decode()))
    again = csv.DictReader(io.StringIO(exported.getvalue().decode("utf-8-sig")))
    assert list(rows) == list(again)
    assert verify(folder).whole
    assert verify(folder).finished
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with VideoFile(folder / "video.mp4") as video:
        first = video.read()
    assert first is not None
    assert changed(first.image) < 0.002  # nothing is drawn in


def test_faces_are_hidden_where_that_is_wanted(tmp_path: Path) -> None:
    go([clip(tmp_path / "a.mp4", [0.0, 0.04])], tmp_path / "out", "none")
    assert not (tmp_path / "out" / "a.ferdesk" / "video.mp4").exists()
    go([clip(tmp_path / "a.mp4", [0.0, 0.04])], tmp_path / "out", "pixelated")
    with VideoFile(tmp_path / "out" / "a.ferdesk" / "video.mp4") as video:
        frame = video.read()
    assert frame is not None
    assert changed(frame.image) > 0.01


def test_an_earlier_session_is_replaced_unless_somebody_annotated_it(tmp_path: Path) -> None:
    source, out = clip(tmp_path / "a.mp4", [0.0]), tmp_path / "out"
    go([source], out)
    go([clip(source, [0.0, 0.04])], out)
    folder = out / "a.ferdesk"
    with Session(folder, write=True) as session:
        assert session.count("frames") == 2
        session.annotate(Annotation(0.0, "note", "smiles", author="anna"))
    before = (out / "a.csv").read_bytes()
    (refused,) = go([clip(source, [0.0])], out)
    assert refused.error is not None
    assert "has annotations and is not replaced" in refused.error
    assert (out / "a.csv").read_bytes() == before  # nothing else is replaced either
    with Session(folder) as session:
        assert session.count("frames") == 2


def test_what_is_no_session_is_not_touched(tmp_path: Path) -> None:
    folder = tmp_path / "out" / "a.ferdesk"
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("years of work")
    (summary,) = go([clip(tmp_path / "a.mp4", [0.0])], tmp_path / "out")
    assert summary.error is not None
    assert "is there already" in summary.error
    assert (folder / "thesis.txt").is_file()


def test_a_session_s_own_video_is_no_session_to_replace(tmp_path: Path) -> None:
    go([clip(tmp_path / "video.mp4", [0.0, 0.04])], tmp_path)
    inside = tmp_path / "video.ferdesk" / "video.mp4"
    (summary,) = go([inside], tmp_path)
    assert summary.error is None
    assert summary.files[-1] == str(tmp_path / "video-2.ferdesk")
    assert inside.is_file()


def test_pictures_become_no_session(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "p.png"), still())
    (summary,) = go([tmp_path / "p.png"], tmp_path / "out")
    assert [Path(file).name for file in summary.files] == ["p.csv", "p_annotated.png"]


def test_a_full_disk_fails_the_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder_module, "LEAST_FREE_BYTES", 10**18)
    monkeypatch.setattr(recorder_module, "_LOOK_EVERY_S", 0.0)
    (summary,) = go([clip(tmp_path / "a.mp4", [0.0, 0.04, 0.08])], tmp_path / "out")
    assert summary.error is not None
    assert "MB are left on the disk" in summary.error
    assert verify(tmp_path / "out" / "a.ferdesk").whole


def test_looking_at_a_session_leaves_it_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ferdesk.batch.setup_of", lambda *what: repr(what))
    source, out = str(clip(tmp_path / "a.mp4", [0.0, 0.04])), tmp_path / "out"

    def batch(session: VideoMode) -> bool:
        here = Here(Settings(), session=session, build=lambda _: SquareFinder())
        done = analyze_batch([source], out, Settings(), here, session=session, resume=True)
        assert done.summaries[0].error is None
        return done.summaries[0].done_before

    assert [batch("raw"), batch("raw"), batch("blurred")] == [False, True, False]
    folder = out / "a.ferdesk"
    state = state_of(folder)
    with Session(folder, write=True) as session:
        session.annotate(Annotation(0.0, "note", "smiles"))
    assert state_of(folder) == state
    assert batch("blurred")
    (folder / "session.db").unlink()
    assert state_of(folder) != state
