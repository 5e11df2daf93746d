"""`ferdesk` with a pipeline that finds the same face everywhere: it starts quickly, loads no nets.

A clip whose name begins with "slow" takes 40 ms a frame. A real process, for tests that end it.
"""

import sys
import time
from functools import partial
from pathlib import Path

from au_fakes import a_result, values

from ferdesk import batch
from ferdesk.cli import main
from ferdesk.core.types import Frame, FrameResult
from ferdesk.outputs.mp4 import Mp4File
from ferdesk.pipeline import Located

COMMAND = (sys.executable, str(Path(__file__).resolve()))
SLOW_S = 0.04


class OneFace:
    faces_backend = "one"
    engine = "numpy"
    bundle = "none"
    au_estimator = "fake"
    units = (12, 25)
    disambiguator = ""
    thresholds = None
    neutral = ""

    def locate(self, frame: Frame) -> Located:
        if frame.name.startswith("slow"):
            time.sleep(SLOW_S)
        return Located(frame, 0.0, (), (), {})

    def judge(self, located: Located) -> FrameResult:
        frame = located.frame
        aus = values(frame.clock_s, {25: 0.5}, {12: (0.25, 0.75)})
        stage_ms = {**located.stage_ms, "faces": 1.0}
        return FrameResult(frame, (a_result(aus),), stage_ms, time.monotonic_ns())

    def reset(self) -> None:
        pass

    def close(self) -> None:
        pass


def clip(path: Path, frames: int = 5) -> Path:
    """A clip of 25 pictures a second."""
    import numpy as np

    path.parent.mkdir(parents=True, exist_ok=True)
    file = Mp4File(path, fps=25)
    for index in range(frames):
        file.write(np.full((180, 320, 3), 60, np.uint8), index / 25)
    file.close()
    return path


if __name__ == "__main__":
    batch.Here = partial(batch.Here, build=lambda _: OneFace())  # type: ignore[misc, assignment]
    main()
