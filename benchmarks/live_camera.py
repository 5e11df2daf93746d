"""The window on a camera of 1280x720 at 30 pictures a second, while recording.

There need be no camera: a server on this machine plays a clip as an MJPEG stream, as network
cameras do. Under Xvfb where there is no display:

    xvfb-run -a python benchmarks/live_camera.py --seconds 60

Prints the run's figures (`ferdesk --stats`), what was recorded, and how far memory grew.
"""

import argparse
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import cv2

from ferdesk.resources import demo_clip
from ferdesk.sessions.verify import verify
from ferdesk.sources.video import VideoFile

SIZE = (1280, 720)
FPS = 30.0


def jpegs(clip: Path) -> list[bytes]:
    """The clip's pictures in the camera's size, as JPEG."""
    pictures = []
    with VideoFile(clip) as video:
        while (frame := video.read()) is not None:
            image = cv2.resize(frame.image, SIZE, interpolation=cv2.INTER_LINEAR)
            pictures.append(
                cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()
            )
    return pictures


class Camera:
    """Serves pictures at their rate to whoever connects."""

    def __init__(self, pictures: list[bytes], fps: float = FPS) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                begin, index = time.monotonic(), 0
                while True:
                    data = pictures[index % len(pictures)]
                    head = "--frame\r\nContent-Type: image/jpeg\r\n"
                    head += f"Content-Length: {len(data)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + data + b"\r\n")
                    except OSError:
                        return
                    index += 1
                    time.sleep(max(0.0, begin + index / fps - time.monotonic()))

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


def memory_mb(pid: int) -> float | None:
    """Memory of a process, where the system tells."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def watch(address: str, seconds: float, folder: Path) -> dict[str, Any]:
    """Run the window for so long, recording; its figures, and how memory went."""
    stats = folder / "stats.json"
    env = os.environ | {"XDG_CONFIG_HOME": str(folder), "XDG_VIDEOS_DIR": str(folder / "videos")}
    command = [sys.executable, "-m", "ferdesk", "--source", address, "--record"]
    command += ["--exit-after", str(seconds), "--stats", str(stats)]
    used: list[float] = []
    with subprocess.Popen(command, env=env) as window:
        begin = time.monotonic()
        while window.poll() is None:
            time.sleep(1.0)
            now = memory_mb(window.pid)
            if now is not None and time.monotonic() - begin > seconds / 3:  # after the start
                used.append(now)
        if window.returncode:
            raise SystemExit(f"ferdesk ended with {window.returncode}")
    told: dict[str, Any] = json.loads(stats.read_text())
    told["memory_growth_mb"] = max(used) - used[0] if used else None
    (session,) = folder.rglob("*.ferdesk")
    found = verify(session)
    told["recorded"] = {
        "frames": found.frames,
        "seconds": found.seconds,
        "video_frames": found.video_frames,
        "whole": found.whole and found.finished,
    }
    return told


def main() -> None:
    """Serve, watch, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clip", type=Path, default=demo_clip())
    arguments = parser.parse_args()
    camera = Camera(jpegs(arguments.clip))
    try:
        with tempfile.TemporaryDirectory() as folder:
            told = watch(camera.address, arguments.seconds, Path(folder))
    finally:
        camera.close()
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
