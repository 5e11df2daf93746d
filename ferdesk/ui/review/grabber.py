"""Gets stored pictures in a thread of its own; of several that are asked for, the newest."""

import logging
import threading

from PySide6.QtCore import QObject, Signal

from ferdesk.live.mailbox import Mailbox
from ferdesk.overlay_colours import Palette
from ferdesk.review.opening import Opened
from ferdesk.review.pictures import Pictures, StoredPicture

log = logging.getLogger(__name__)

_Wanted = tuple[int, bool, Palette]


class Grabber(QObject):
    """The thread that decodes and draws for one session.

    `shown` gives pictures and `failed` errors in the UI thread.

    Args:
        opened: the session.
    """

    shown = Signal(StoredPicture)
    failed = Signal(object)

    # Crosses from the thread; connected to a method of this object only.
    _told = Signal()

    def __init__(self, opened: Opened, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._opened = opened
        self._wanted = Mailbox[_Wanted]()
        self._results = Mailbox[StoredPicture | Exception]()
        self._stopping = False
        self._told.connect(self._pass_on)
        self._thread = threading.Thread(target=self._run, name="ferdesk-review", daemon=True)
        self._thread.start()

    def ask(self, index: int, overlay: bool, colours: Palette) -> None:
        """Ask for a frame, by its place in the timeline; one that waits is forgotten."""
        self._wanted.put((index, overlay, colours))

    def stop(self) -> None:
        """Let it end; nothing is given any more. Returns at once."""
        self._stopping = True
        self._wanted.poke()

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; returns whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            with Pictures(self._opened) as pictures:
                while not self._stopping:
                    wanted = self._wanted.wait()
                    if wanted is not None:
                        self._give(pictures, wanted)
        except Exception as error:
            self._tell(error)

    def _give(self, pictures: Pictures, wanted: _Wanted) -> None:
        try:
            self._tell(pictures.picture(*wanted))
        except Exception as error:
            log.warning("frame %d cannot be shown: %s", wanted[0], error)
            self._tell(error)

    def _tell(self, result: StoredPicture | Exception) -> None:
        # Else the signal for the one before is still on its way.
        if not self._results.put(result) and not self._stopping:
            self._told.emit()

    def _pass_on(self) -> None:
        result = self._results.take()
        if self._stopping or result is None:
            return
        if isinstance(result, StoredPicture):
            self.shown.emit(result)
        else:
            self.failed.emit(result)
