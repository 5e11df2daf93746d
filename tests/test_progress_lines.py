"""Progress as lines of JSON, for the program that started an analysis."""

import io
from functools import partial
from pathlib import Path

import pytest
from queue_child import OneFace, clip
from typer.testing import CliRunner

from ferdesk import batch
from ferdesk.batch import Here
from ferdesk.cli import app
from ferdesk.core.errors import FerdeskError
from ferdesk.progress_lines import LineProgress, Step, step_of
from ferdesk.summary import Summary

SUMMARY = Summary(input="a.mp4", frames=3, faces_backend="f", engine="e", bundle="b")


def test_a_few_lines_a_second() -> None:
    file, now = io.StringIO(), [10.0]
    lines = LineProgress(file, lambda: now[0])
    with lines:
        lines.begin("a.mp4", 30)
        for _ in range(30):
            now[0] += 0.05
            lines.advance()
        lines.end(SUMMARY)
        lines.results([SUMMARY])
    steps = [step_of(line) for line in file.getvalue().splitlines()]
    assert steps[0] == Step(event="begin", name="a.mp4", total=30)
    assert 7 <= len(steps) - 3 <= 8
    assert steps[-2] == Step(event="frames", frames=30, total=30, seconds=1.5)
    assert steps[-1] == Step(event="result", summary=SUMMARY)


@pytest.mark.parametrize(
    "line", ["", "ferdesk: no such file", "{", "{}", '{"event": "other"}', "{[" * 9, "[]", "{\x00"]
)
def test_what_is_no_step_is_a_message(line: str) -> None:
    assert step_of(line) is None


def test_names_of_files_need_not_be_text() -> None:
    file = io.StringIO()
    odd = SUMMARY.model_copy(update={"input": "bad\udcff.mp4"})
    LineProgress(file).results([odd])
    assert file.getvalue().isascii()
    assert step_of(file.getvalue()) == Step(event="result", summary=odd)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "Here", partial(Here, build=lambda _: OneFace()))
    monkeypatch.setattr(batch, "setup_of", lambda *what: repr(what))
    source, out = str(clip(tmp_path / "a.mp4")), str(tmp_path / "out")
    words = ["analyze", source, "-o", out, "--resume", "--progress", "json"]
    words += ["--name", "monday", "--session", "none"]
    for before in (False, True):
        got = CliRunner().invoke(app, words)
        assert got.exit_code == 0, got.output
        steps = [step_of(line) for line in got.stderr.splitlines()]
        summary = steps[-1] and steps[-1].summary
        assert summary is not None
        assert (summary.frames, summary.done_before) == (5, before)
        assert [step and step.event for step in steps[:1]] == ["result" if before else "begin"]
    found = {path.name for path in Path(out).iterdir()}
    results = {"monday.csv", "monday.ferdesk", "monday_annotated.mp4"}
    assert found == {"ferdesk-batch.json", *results}
    again = CliRunner().invoke(app, [*words, str(clip(tmp_path / "b.mp4"))])
    assert isinstance(again.exception, FerdeskError)
    assert "--name is for a single input; here are 2." in str(again.exception)
