"""Starts the window: wires the real parts together and keeps errors from ending the app."""

import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

import cv2
from PySide6.QtCore import QLibraryInfo, QLocale, QObject, QTimer, QTranslator, Signal
from PySide6.QtWidgets import QApplication, QStyleFactory

from ferdesk.preferences.file import Loaded
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.state import load_state
from ferdesk.settings import Settings
from ferdesk.sources import is_device, list_cameras
from ferdesk.streams.choice import StreamChoice
from ferdesk.texts import language, tr
from ferdesk.ui.analysis import Pipeline
from ferdesk.ui.main_window import MainWindow
from ferdesk.ui.painter import Painter
from ferdesk.ui.preferences.keeper import PreferencesKeeper
from ferdesk.ui.source_picker import Choice
from ferdesk.ui.stats import RunStats
from ferdesk.ui.worker import Jobs, Worker

log = logging.getLogger(__name__)

_SIGNAL_POLL_MS = 200


@dataclass(frozen=True, slots=True)
class WindowOptions:
    """How the window starts.

    Attributes:
        source: what to watch first; None for the first camera, or the demo if there is none.
        preferences: the user's, and what is wrong with their file.
        streams: live outputs that are on from the start.
        record: whether a recording begins at once.
        fullscreen: whether it fills the screen.
        exit_after_s: it closes by itself after so long; None for never.
        stats: file for the run's figures; None for none.
    """

    source: str | None = None
    preferences: Loaded = Loaded(Preferences())  # noqa: RUF009  (frozen)
    streams: StreamChoice = StreamChoice()  # noqa: RUF009  (frozen)
    record: bool = False
    fullscreen: bool = False
    exit_after_s: float | None = None
    stats: Path | None = None


_AS_EVER = WindowOptions()


def run(settings: Settings, options: WindowOptions = _AS_EVER) -> int:
    """Show the window until the user closes it.

    Args:
        settings: how frames are analysed.
        options: how it starts.

    Returns:
        The process's exit code.
    """
    app = _application()
    jobs = Jobs()
    painter = Painter()
    keeper = PreferencesKeeper(options.preferences.preferences, jobs)
    worker = Worker(
        settings,
        build=_build,
        draw=painter.paint,
        open_source=lambda spec, loop: keeper.now.source.opener()(spec, loop),
        reconnects=is_device,
    )
    state = load_state()
    window = MainWindow(worker, jobs, painter, _cameras, keeper, options.streams, state)
    if options.preferences.warnings:
        window.warn("\n".join(options.preferences.warnings))
    stats = RunStats(window) if options.stats is not None else None
    if stats is not None:
        window.live.view.watch_shown(stats.shown)
    errors = _Errors()
    errors.happened.connect(window.report_unexpected)
    with _hooked(errors.happened.emit), _signals_quit(app):
        try:
            if options.fullscreen:
                window.showFullScreen()
            else:
                window.show()
            if stats is not None:
                stats.window_shown()
            if state.welcome_seen or options.exit_after_s is not None:
                window.start(options.source)
            else:
                window.welcome(options.source)
            if options.record:
                window.live.recording.toggle()
            if options.exit_after_s is not None:
                QTimer.singleShot(round(options.exit_after_s * 1000), window, window.close)
            return app.exec()
        finally:
            window.hide()
            if stats is not None and options.stats is not None:
                stats.write(options.stats)
            worker.close()
            jobs.close()
            window.deleteLater()


class _Errors(QObject):
    """Carries an error of any thread to the UI thread."""

    happened = Signal(str, str)


def _application() -> QApplication:
    # cv2 points Qt at its own Qt 5 plugins; PySide6 would look there and abort.
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        value = os.environ.get(name)
        if value and Path(value).is_relative_to(Path(cv2.__file__).parent):
            del os.environ[name]
    existing = QApplication.instance()
    app = existing if isinstance(existing, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("ferdesk")
    app.setApplicationDisplayName("ferdesk")
    app.setDesktopFileName("ferdesk")
    app.setStyle(QStyleFactory.create("Fusion"))
    _let_qt_speak(app, language())
    return app


def _let_qt_speak(app: QApplication, name: str) -> None:
    """Have Qt's own dialogs in a language; empty for English. Qt does not know all of them."""
    translator = QTranslator(app)
    folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    if name and translator.load(QLocale(name), "qtbase", "_", folder):
        app.installTranslator(translator)


def _build(settings: Settings) -> Pipeline:
    # Imported here, in the pipeline thread: the engines take a while to load, the window need not
    # wait for them.
    from ferdesk.pipeline import build_pipeline

    return build_pipeline(settings)


def _cameras() -> Sequence[Choice]:
    return [Choice(camera.spec, camera.name) for camera in list_cameras()]


@contextmanager
def _hooked(report: Callable[[str, str], None]) -> Iterator[None]:
    """Log errors that nobody caught, and report them, instead of ending the app or losing them."""

    def happened(
        kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QTimer.singleShot(0, QApplication.quit)
            return
        known = error if error is not None else kind()
        log.error("unexpected error", exc_info=(kind, known, trace))
        details = "".join(traceback.format_exception(kind, known, trace))
        text = tr("Something unexpected went wrong: {kind}: {error}")
        report(text.format(kind=kind.__name__, error=known), details)

    def in_thread(args: threading.ExceptHookArgs) -> None:
        happened(args.exc_type, args.exc_value, args.exc_traceback)

    before, before_thread = sys.excepthook, threading.excepthook
    sys.excepthook, threading.excepthook = happened, in_thread
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook = before, before_thread


@contextmanager
def _signals_quit(app: QApplication) -> Iterator[None]:
    """Close cleanly on Ctrl+C and on being asked to end."""

    def quit_app(number: int, frame: FrameType | None) -> None:
        log.info("ending on signal %d", number)
        # Not at once: before the event loop runs, asking it to end has no effect.
        QTimer.singleShot(0, app.quit)

    if threading.current_thread() is not threading.main_thread():
        yield  # Python allows signal handlers in the main thread only
        return
    before = {number: signal.signal(number, quit_app) for number in (signal.SIGINT, signal.SIGTERM)}
    # Python runs its handlers between bytecodes, and Qt's loop has none: so it is woken for it.
    timer = QTimer()
    timer.timeout.connect(lambda: None)
    timer.start(_SIGNAL_POLL_MS)
    try:
        yield
    finally:
        timer.stop()
        for number, handler in before.items():
            signal.signal(number, handler)
