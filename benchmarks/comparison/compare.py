"""ferdesk beside other tools: the same clip, the same machine, one run.

The others get environments of their own, below a folder outside the project, since none of them is
part of ferdesk:

    python benchmarks/comparison/compare.py CLIP --tools-in FOLDER --install
    python benchmarks/comparison/compare.py CLIP --tools-in FOLDER --model face_landmarker.task

`--install` fetches them from the usual package registries. Tools that are not there are left out
and named. In each round every tool reads the whole clip once, one after the other, so that a
machine that slows down does so for all; the figure is the median over the rounds of the mean time
a frame.

For ferdesk that is everything, from decoding to the CSV on the disk; for the others it is the call
of the tool alone, decoding left out. The mediapipe package tries to report home when it is closed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import av
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
PACKAGES = {"mediapipe": ["mediapipe==1.2.2", "av"], "fer": ["fer==25.10.3", "setuptools<81"]}
MODULES = [
    "@vladmandic/face-api@1.7.15",
    "@tensorflow/tfjs@4.22.0",
    "@tensorflow/tfjs-backend-wasm@4.22.0",
]
OURS = "ferdesk, decoding to CSV"

Timed = tuple[str, float, int]
"""Version, mean milliseconds a frame, frames with a face."""


def python_in(folder: Path, name: str) -> Path:
    """The interpreter of a tool's environment."""
    return folder / name / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(folder: Path) -> None:
    """Make the environments that are not there yet."""
    for name, packages in PACKAGES.items():
        if not python_in(folder, name).exists():
            subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
        pip = [str(python_in(folder, name)), "-m", "pip", "install", "--quiet", *packages]
        subprocess.run(pip, check=True)
    modules = folder / "face-api"
    modules.mkdir(parents=True, exist_ok=True)
    npm = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]
    subprocess.run([*npm, str(modules), *MODULES], check=True)


def ours(clip: Path) -> Timed:
    """`ferdesk analyze` in a process of its own, less the loading of the nets."""
    with tempfile.TemporaryDirectory() as out:
        command = ["-m", "ferdesk", "analyze", str(clip), "--out", out, "--no-video", "--json"]
        summary = json.loads(_output([sys.executable, *command]))
    return "", 1e3 / summary["fps"], summary["frames_with_face"]


def python_tool(python: Path, script: str, *arguments: str) -> Timed:
    """A tool in Python; its script prints a JSON object."""
    return _timed(_output([str(python), str(HERE / script), *arguments]))


def face_api(folder: Path, clip: Path, detector: str) -> Timed:
    """face-api under Node, which gets the clip's frames as RGB bytes through a pipe."""
    with av.open(str(clip)) as container:
        frames = (frame.to_ndarray(format="rgb24") for frame in container.decode(video=0))
        first = next(frames)
        height, width = first.shape[:2]
        command = ["node", str(HERE / "face_api.js"), str(folder), str(width), str(height)]
        with subprocess.Popen(
            [*command, detector],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as tool:
            assert tool.stdin is not None and tool.stdout is not None  # noqa: S101
            tool.stdin.write(first.tobytes())
            for frame in frames:
                tool.stdin.write(frame.tobytes())
            tool.stdin.close()
            said = tool.stdout.read().decode()
    return _timed(said)


def _timed(said: str) -> Timed:
    found = json.loads(said.strip().splitlines()[-1])
    return found["version"], statistics.fmean(found["ms"]), found["with_face"]


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def tools(
    clip: Path, folder: Path, model: Path | None
) -> Iterator[tuple[str, Callable[[], Timed]]]:
    """The tools that are there, with what times them."""
    yield OURS, lambda: ours(clip)
    python = python_in(folder, "mediapipe")
    if python.exists() and model:
        arguments = ("mediapipe_landmarks.py", str(clip), str(model))
        yield "mediapipe, landmarks alone", lambda: python_tool(python, *arguments)
    fer = python_in(folder, "fer")
    if fer.exists():
        yield "fer", lambda: python_tool(fer, "fer_package.py", str(clip))
    modules = folder / "face-api"
    if (modules / "node_modules").exists():
        yield "face-api, SSD detector", lambda: face_api(modules, clip, "ssd")
        yield "face-api, tiny detector", lambda: face_api(modules, clip, "tiny")


def main() -> None:
    """Run all tools in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clip", type=Path)
    parser.add_argument("--tools-in", type=Path, required=True, help="folder of the environments")
    parser.add_argument("--install", action="store_true", help="fetch the other tools first")
    parser.add_argument("--model", type=Path, help="mediapipe's face_landmarker.task")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=0, help="pin everything to so many cores")
    given = parser.parse_args()
    if given.install:
        install(given.tools_in)
    if given.cores and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.cores])
    there = list(tools(given.clip, given.tools_in, given.model))
    times: dict[str, list[Timed]] = {name: [] for name, _ in there}
    for _ in range(given.rounds):
        for name, run in there:
            times[name].append(run())
    table = Table("tool", "version", "ms a frame", "of ferdesk's", "frames with a face")
    reference = statistics.median(ms for _, ms, _ in times[OURS])
    for name, rounds in times.items():
        ms = statistics.median(one for _, one, _ in rounds)
        version, _, found = rounds[0]
        table.add_row(name, version, f"{ms:.2f}", f"{ms / reference:.2f}", str(found))
    Console().print(table)


if __name__ == "__main__":
    main()
