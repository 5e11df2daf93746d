"""Qt without a screen, and a check that no test leaves a thread running."""

import os
import threading
import time
from collections.abc import Iterator

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    until = time.monotonic() + 3
    while time.monotonic() < until:
        left = [t.name for t in set(threading.enumerate()) - before if "ferdesk" in t.name]
        if not left:
            break
        time.sleep(0.01)
    if QApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not left, f"threads left running: {left}"
