"""How fast the pipeline is on this machine, and how its cost grows.

    python benchmarks/speed.py file CLIP          the whole way from a file, on all cores and on one
    python benchmarks/speed.py scaling CLIP       against the number of faces and the frame's size
    python benchmarks/speed.py long CLIP          10,000 frames: steady times, flat memory
    python benchmarks/speed.py precision CLIP     the chosen precision against f32; with --data
                                                  right answers on FER+ valid as well

CLIP shows one face. For more faces its picture is put into a larger one several times. `scaling`
draws a picture of its table and needs matplotlib. Nothing else should run on the machine.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from ferdesk.bundles import installed_bundles
from ferdesk.core.types import Frame, FrameResult, ImageU8
from ferdesk.engines.base import Precision
from ferdesk.expression import ExpressionNet
from ferdesk.pipeline import Pipeline, build_pipeline
from ferdesk.settings import Settings
from ferdesk.sources.video import VideoFile

app = typer.Typer(help=__doc__.splitlines()[0], no_args_is_help=True)
console = Console()
Clip = Annotated[Path, typer.Argument(help="A video with one face.")]

SIZES: Final = {"360p": (640, 360), "720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
FACES: Final = (1, 2, 5, 10)
PRECISIONS: Final[tuple[Precision, ...]] = ("f32", "auto")


@app.command()
def file(clip: Clip, rounds: int = 5) -> None:
    """Frames a second of `ferdesk analyze` with its CSV, no video: all cores, and pinned to one."""
    table = Table("cores", "frames a second, median", "of each round", "ms a stage")
    for cores in sorted({1, _cores()}, reverse=True):
        found = [_analyze(clip, cores) for _ in range(rounds)]
        each = ", ".join(f"{fps:.0f}" for fps, _ in found)
        stages = ", ".join(f"{name} {ms:.2f}" for name, ms in found[-1][1].items())
        median = statistics.median(fps for fps, _ in found)
        table.add_row(str(cores), f"{median:.0f}", each, stages)
    console.print(table)


@app.command()
def scaling(clip: Clip, out: Path = Path("scaling.png"), frames: int = 120) -> None:
    """Milliseconds a frame, from decoded picture to result, and what each further face costs."""
    pictures = _pictures(clip)[:frames]
    table = Table("size", *[f"{count} faces" for count in FACES], "found of 10")
    rows: dict[str, list[float]] = {}
    for name, size in SIZES.items():
        rows[name], seen = [], 0.0
        for count in FACES:
            pipeline = build_pipeline(Settings(max_faces=16))
            results = list(_results(pipeline, (_tiled(one, size, count) for one in pictures)))
            pipeline.close()
            settled = results[len(results) // 3 :]  # all faces were found by then
            rows[name].append(statistics.median(sum(r.stage_ms.values()) for r in settled))
            seen = statistics.fmean(len(result.faces) for result in settled)
        table.add_row(name, *[f"{ms:.1f} ms" for ms in rows[name]], f"{seen:.1f}")
    console.print(table)
    _draw(rows, out)


@app.command()
def long(clip: Clip, frames: int = 10_000) -> None:
    """Median, p95 and p99 of a frame's time, and memory after a tenth and at the end."""
    pipeline = build_pipeline(Settings())
    every = list(_pictures(clip))
    ms, early = [], 0.0
    for index, result in enumerate(_results(pipeline, islice(cycle(every), frames))):
        ms.append(sum(result.stage_ms.values()))
        if index == frames // 10:
            early = _memory_mb()
    late = _memory_mb()
    pipeline.close()
    p50, p95, p99 = np.percentile(ms, [50, 95, 99])
    console.print(
        f"{len(ms)} frames: median {p50:.2f} ms, p95 {p95:.2f}, p99 {p99:.2f} "
        f"({p99 / p50:.2f} x the median), most {max(ms):.1f}; "
        f"memory {early:.1f} MB after a tenth, {late:.1f} MB at the end"
    )


@app.command()
def precision(
    clip: Clip,
    data: Annotated[Path | None, typer.Option(help="FER+, to count right answers as well.")] = None,
) -> None:
    """Largest difference in any probability between f32 and the chosen precision, same crops."""
    every = _pictures(clip)
    found: list[list[FrameResult]] = []
    for number in PRECISIONS:
        pipeline = build_pipeline(Settings(precision=number))
        found.append(list(_results(pipeline, every)))
        pipeline.close()
    apart, labels = 0.0, 0
    for one, other in zip(*found, strict=True):
        for a, b in zip(one.faces, other.faces, strict=True):
            apart = max(apart, float(np.abs(a.raw - b.raw).max()))
            labels += a.label != b.label
    console.print(
        f"{len(every)} frames: largest difference in a probability {apart:.4f}, "
        f"{labels} labels differ"
    )
    if data is not None:
        _precision_on_ferplus(data)


def _precision_on_ferplus(data: Path) -> None:
    """Accuracy of every expression bundle on FER+ valid, by plurality, in both precisions."""
    from trainer.datasets import ferplus
    from trainer.evaluate import truth

    valid = ferplus.load(data, "valid")
    keep, labels = truth(valid, "plurality")
    images = valid.images[keep]
    table = Table("bundle", "n", *PRECISIONS, "answers that differ", "largest difference")
    for folder in installed_bundles("expression"):
        found = []
        for number in PRECISIONS:
            net = ExpressionNet(folder, precision=number)
            parts = np.array_split(images, len(images) // 64)
            found.append(np.concatenate([net.predict(list(part)) for part in parts]))
            net.close()
        right = [f"{np.mean(p.argmax(1) == labels):.2%}" for p in found]
        changed = np.count_nonzero(found[0].argmax(1) != found[1].argmax(1))
        apart = np.abs(found[0] - found[1]).max()
        table.add_row(folder.name, f"{len(labels):,}", *right, str(changed), f"{apart:.4f}")
    console.print(table)


def _analyze(clip: Path, cores: int) -> tuple[float, dict[str, float]]:
    """Frames a second and ms a stage of one `ferdesk analyze` that sees only so many cores."""
    with tempfile.TemporaryDirectory() as out:
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, sorted(mine)[:cores])
        try:
            command = ["-m", "ferdesk", "analyze", str(clip), "--out", out, "--no-video", "--json"]
            done = subprocess.run(
                [sys.executable, *command], capture_output=True, text=True, check=True
            )
        finally:
            os.sched_setaffinity(0, mine)
    found = json.loads(done.stdout)
    return found["fps"], found["stage_ms"]


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _pictures(clip: Path) -> list[ImageU8]:
    with VideoFile(clip) as video:
        return [frame.image for frame in iter(video.read, None)]


def _results(
    pipeline: Pipeline, pictures: Iterator[ImageU8] | list[ImageU8]
) -> Iterator[FrameResult]:
    for index, picture in enumerate(pictures):
        yield pipeline.process(Frame(picture, index, 0, index / 30, "benchmark"))


def _tiled(picture: ImageU8, size: tuple[int, int], count: int) -> ImageU8:
    """A frame of that size that shows the picture `count` times, beside and below each other."""
    width, height = size
    columns = {1: 1, 2: 2, 5: 3, 10: 4}[count]
    rows = -(-count // columns)
    scale = min(width / columns / picture.shape[1], height / rows / picture.shape[0])
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    frame = np.full((height, width, 3), 90, np.uint8)
    for index in range(count):
        x = index % columns * (width // columns)
        y = index // columns * (height // rows)
        frame[y : y + small.shape[0], x : x + small.shape[1]] = small[: height - y, : width - x]
    return frame


def _memory_mb() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _draw(rows: dict[str, list[float]], out: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, ms in rows.items():
        axes.plot(FACES, ms, marker="o", label=name)
    axes.set(xlabel="faces", ylabel="ms a frame, without decoding", ylim=(0, None))
    axes.set_xticks(FACES)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(out, dpi=120)


if __name__ == "__main__":
    app()
