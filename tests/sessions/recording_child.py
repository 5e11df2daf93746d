"""Records in real time, in as many processes as folders are named, until it is killed.

Each writes beside its folder how far it was: the time of the last frame that it handed over.
"""

import os
import struct
import sys
import time
from pathlib import Path

from session_fakes import FPS, some_meta, some_result

from ferdesk.sessions.recorder import Recorder


def record(folder: Path) -> None:
    progress = os.open(folder.with_suffix(".progress"), os.O_CREAT | os.O_RDWR, 0o600)
    recorder = Recorder(folder, some_meta(live=True, source_kind="camera"), threads=1)
    begin = time.monotonic_ns()
    index = 0
    while True:
        now = time.monotonic_ns()
        recorder.write(some_result(index, captured_ns=now))
        os.pwrite(progress, struct.pack("d", (now - begin) / 1e9), 0)
        index += 1
        time.sleep(max(0.0, begin / 1e9 + index / FPS - time.monotonic()))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        pid = os.fork()
        if pid == 0:
            record(Path(name))
        os.write(1, f"{pid}\n".encode())
    for _ in sys.argv[1:]:
        os.wait()
