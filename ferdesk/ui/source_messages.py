"""What the user is told when a source plays, is lost, comes back, fails or ends."""

from collections.abc import Callable, Sequence
from typing import Final

from ferdesk.live.capture import SourceState
from ferdesk.texts import tr
from ferdesk.ui.banner import BannerAction, BannerStack
from ferdesk.ui.status import StatusLine
from ferdesk.ui.video_view import VideoView

_SOURCE: Final = "source"
_WARNING: Final = "warning"


class SourceMessages:
    """Turns states of a source into words at the right place.

    Args:
        banners: where messages go.
        view: shows words where there is no picture.
        status: shows the source's name and size.
        ways_out: what can be done where a source cannot be shown.
        again: plays an ended source once more.
    """

    def __init__(
        self,
        banners: BannerStack,
        view: VideoView,
        status: StatusLine,
        ways_out: Callable[[], Sequence[BannerAction]],
        again: Callable[[], None],
    ) -> None:
        self._banners = banners
        self._view = view
        self._status = status
        self._ways_out = ways_out
        self._again = again
        self._played = False

    def opening(self, name: str) -> None:
        """Another source is being opened."""
        self._played = False
        for key in (_SOURCE, "no-camera", _WARNING):
            self._banners.clear(key)
        self._status.show_source(name, None)
        self._status.show_counters(None, None)
        self._view.show_text(tr("Opening {name}…").format(name=name))

    def tell(self, name: str, state: SourceState) -> None:
        """Something became of it."""
        if state.phase == "playing" and state.info is not None:
            self._played = True
            self._banners.clear(_SOURCE)
            size = (state.info.width, state.info.height) if state.info.width else None
            self._status.show_source(name, size)
            if self._view.live is None:
                self._view.show_text(tr("Loading the models…"))
        elif state.phase == "warning" and state.message:
            self._banners.show_message(_WARNING, f"{name}: {state.message}.", "warning")
        elif state.phase == "warning":
            self._banners.clear(_WARNING)
        elif state.phase == "lost":
            self._lost(name, state)
        elif state.phase == "failed":
            self._banners.show_message(_SOURCE, state.message, "error", self._ways_out())
            self._view.show_text(tr("{name} cannot be shown.").format(name=name))
        elif state.phase == "ended" and not (state.info is not None and state.info.frames == 1):
            again = BannerAction(tr("Play again"), self._again)
            text = tr("{name} has ended.").format(name=name)
            self._banners.show_message(_SOURCE, text, "info", (again,))

    def _lost(self, name: str, state: SourceState) -> None:
        """A device went away, or did not open: it is tried again and again."""
        if self._played:
            text = tr("{name} was disconnected. Reconnecting…").format(name=name)
        else:
            again = tr("Trying again every second…")
            text = f"{state.message} {again}"
            self._view.show_text(tr("Waiting for {name}…").format(name=name))
        self._banners.show_message(_SOURCE, text, "warning", self._ways_out(), state.message)
