"""The commands `ferdesk export` and `ferdesk import`."""

import subprocess
import sys
from typing import get_args

import pytest
from material import ROOT
from typer.testing import CliRunner

from ferdesk.cli import app
from ferdesk.commands import exports as exports_command
from ferdesk.exports.formats import FORMATS
from ferdesk.exports.imports import DIALECTS
from ferdesk.sessions.session import Session


def test_the_names_are_those_of_the_formats():
    assert get_args(exports_command.FormatName) == tuple(FORMATS)
    assert get_args(exports_command.DialectName) == tuple(DIALECTS)


@pytest.mark.parametrize("name", ["ferdesk", "pyfeat", "openface", "vtt", "elan"])
def test_export(make_session, tmp_path, name):
    out = tmp_path / "out.txt"
    done = CliRunner().invoke(
        app, ["export", str(make_session().folder), "--to", name, "-o", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert out.is_file()
    assert done.stdout == f"Exported to {out}\n"
    assert done.stderr.startswith("Left out")
    assert done.stderr.count("\n") == 1


def test_import(make_session, tmp_path):
    runner = CliRunner()
    table = tmp_path / "a.csv"
    runner.invoke(app, ["export", str(make_session().folder), "-t", "openface", "-o", str(table)])
    folder = tmp_path / "b.ferdesk"
    done = runner.invoke(app, ["import", str(table), "-o", str(folder), "--from", "openface"])
    assert done.exit_code == 0, done.output
    assert f"Imported 4 frames with 3 faces by OpenFace 2 to {folder}" in done.stdout
    assert done.stderr == "Not read: AU*_c.\n"
    with Session(folder) as session:
        assert len(list(session.frames())) == 4


def test_trouble_is_one_line(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    done = subprocess.run(
        [sys.executable, "-m", "ferdesk", "import", "a.csv", "-o", "b.ferdesk"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "ferdesk: a.csv is of no known program. Say which: --from pyfeat, openface."
    ]
