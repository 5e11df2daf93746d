"""Keeps OpenCV and FFmpeg from writing to the terminal: our own errors say what matters."""

import av.logging
import cv2


def hush() -> None:
    """Silence both libraries; harmless when called again."""
    av.logging.set_level(None)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
