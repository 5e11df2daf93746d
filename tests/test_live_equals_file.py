"""The same clip gives the same rows live, frame by frame, and from a file, two halves at once."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from au_fakes import GapDisambiguator, LipEstimator, a_result, values

from ferdesk.analyze import analyze
from ferdesk.bundles import find_bundle
from ferdesk.calibrate import NeutralCorrection, NeutralRecorder
from ferdesk.core.types import Frame
from ferdesk.expression import ExpressionNet
from ferdesk.faces.finder import OpenVinoFinder
from ferdesk.faces.store import load
from ferdesk.outputs.mp4 import Mp4File
from ferdesk.outputs.table import Table
from ferdesk.pipeline import Pipeline, build_pipeline
from ferdesk.profiles import NeutralProfile
from ferdesk.settings import Settings
from ferdesk.sources import open_source

SETTINGS = Settings(threads=1)
Build = Callable[[], Pipeline]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory, demo_frames: list[Frame]) -> Path:
    """Somebody smiles, in every fourth frame of the demo clip."""
    path = tmp_path_factory.mktemp("clip") / "smile.mp4"
    file = Mp4File(path, fps=25)
    for index, frame in enumerate(demo_frames[40:160:4]):
        file.write(frame.image, index / 25)
    file.close()
    return path


def with_everything() -> Pipeline:
    """A real pipeline with all stages, those of action units faked but not their work."""
    return Pipeline(
        OpenVinoFinder(load(SETTINGS.faces), SETTINGS.max_faces, 1),
        ExpressionNet(find_bundle(SETTINGS.bundle), 1, SETTINGS.precision),
        SETTINGS.smoothing_s,
        LipEstimator(),
        GapDisambiguator(),  # type: ignore[arg-type]
        NeutralCorrection(at_rest(), LipEstimator.name),
    )


def at_rest() -> NeutralProfile:
    recorder = NeutralRecorder("anna", 1)
    for index in range(20):
        recorder.add(
            a_result(values(index / 10, {25: 0.1}, {12: (0.2, 0.3)}, estimator=LipEstimator.name))
        )
    return recorder.profile()


def as_it_is() -> Pipeline:
    return build_pipeline(SETTINGS)


@pytest.mark.parametrize("build", [with_everything, as_it_is])
def test_rows_are_the_same_to_the_byte(tmp_path: Path, clip: Path, build: Build) -> None:
    live = tmp_path / "live.csv"
    pipeline = build()
    with open_source(str(clip)) as source, Table(live, pipeline.units) as table:
        while (frame := source.read()) is not None:
            table.write(pipeline.process(frame))
    pipeline.close()
    out = tmp_path / "file"
    (summary,) = analyze([str(clip)], out, SETTINGS, video=False, build=lambda _: build())
    assert summary.error is None
    rows = live.read_text().splitlines()
    if build is with_everything:
        cells = list(csv.DictReader(rows))
        assert any(row["contested"] for row in cells)
        assert all(float(row["AU12"]) < float(row["AU12_raw"]) for row in cells)
    assert len(rows) == 31
    assert (out / "smile.csv").read_text().splitlines() == rows
