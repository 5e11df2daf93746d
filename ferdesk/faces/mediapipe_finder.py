"""The mediapipe runtime as a face finder, for whoever wants its own smoothing and numbers.

Opt-in only: every release since 0.10.35 that was tried contacts Google's servers from inside its
native library, and there is no documented way to turn that off.
"""

import logging
import os
from types import ModuleType
from typing import Any, Final

import cv2
import numpy as np

from ferdesk import resources
from ferdesk.core.errors import ModelError
from ferdesk.core.types import Face, Frame
from ferdesk.faces.finder import large
from ferdesk.faces.pose import head_pose
from ferdesk.faces.region import bounding_box
from ferdesk.faces.store import TASK_NAME

NOTICE: Final = (
    "The mediapipe runtime tries to report its use to Google; "
    "the built-in face finder does not (--faces auto)."
)

log = logging.getLogger(__name__)


class MediaPipeFinder:
    """FaceLandmarker in video mode; needs the extra `mediapipe` and face_landmarker.task."""

    backend = "mediapipe"

    def __init__(self, max_faces: int, min_face: int = 0) -> None:
        """Start the runtime.

        Args:
            max_faces: how many faces are followed at most.
            min_face: side in pixels that a face's box has to have; 0 for any.

        Raises:
            ModelError: the package or its model file is not installed.
        """
        log.warning(NOTICE)
        self._mediapipe = _runtime()
        self._max_faces = max_faces
        self._min_face = min_face
        self._model = _archive()
        self._task: Any = None
        self._last_ms = -1

    def find(self, frame: Frame) -> list[Face]:
        """See `FaceFinder.find`."""
        if frame.still:
            self.reset()
        if self._task is None:
            self._task = self._start()
        time_ns = frame.captured_ns
        if frame.source_time_s is not None:
            time_ns = round(frame.source_time_s * 1e9)
        self._last_ms = max(self._last_ms + 1, time_ns // 1_000_000)  # it must rise
        rgb = cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)
        picture = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=rgb)
        found = self._task.detect_for_video(picture, self._last_ms)
        height, width = frame.image.shape[:2]
        faces = []
        for mesh in found.face_landmarks:
            points = np.array([(p.x * width, p.y * height, p.z * width) for p in mesh], np.float32)
            # The runtime keeps the face score to itself and gives only what passed it.
            faces.append(Face(bounding_box(points), points, head_pose(points), 1.0))
        faces = large(faces, self._min_face)
        return sorted(faces, key=lambda face: -face.box.w * face.box.h)

    def reset(self) -> None:
        """See `FaceFinder.reset`."""
        self.close()
        self._last_ms = -1

    def close(self) -> None:
        """See `FaceFinder.close`."""
        if self._task is not None:
            self._task.close()
            self._task = None

    def _start(self) -> Any:
        vision = self._mediapipe.tasks.vision
        options = vision.FaceLandmarkerOptions(
            base_options=self._mediapipe.tasks.BaseOptions(model_asset_path=self._model),
            running_mode=vision.RunningMode.VIDEO,
            num_faces=self._max_faces,
        )
        return vision.FaceLandmarker.create_from_options(options)


def _runtime() -> ModuleType:
    # Its native library logs to stderr unless told otherwise before it is loaded.
    os.environ.setdefault("GLOG_minloglevel", "2")
    try:
        import mediapipe
    except ImportError as error:
        raise ModelError(
            f'The mediapipe runtime cannot be loaded ({error}). pip install "ferdesk[mediapipe]"'
        ) from error
    found: ModuleType = mediapipe
    return found


def _archive() -> str:
    for folder in resources.face_model_folders():
        if (folder / TASK_NAME).is_file():
            return str(folder / TASK_NAME)
    raise ModelError(f"{TASK_NAME} is not installed. Run: ferdesk models install")
