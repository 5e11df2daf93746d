"""Listens to LSL marker streams, as experiment programs send them, on our own clock."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from ferdesk.core.errors import OutputError
from ferdesk.streams.lsl import load_pylsl

log = logging.getLogger(__name__)

OnMarker = Callable[[float, str], None]
"""`(time_s, text)`: when it was set, in seconds of `time.monotonic`, and what it says."""

LONGEST_TEXT: Final = 256
"""Characters; what is longer is cut."""
MOST_A_SECOND: Final = 20
"""Markers that are passed on; more are left out and counted."""

_MOST_STREAMS: Final = 8
_MOST_CHANNELS: Final = 16
_MOST_AT_ONCE: Final = 64
"""Samples that are taken off a stream before the next one's turn."""
_BUFFER: Final = 10
"""Hundreds of samples that wait while nobody takes them."""
_POLL_S: Final = 0.05
_ANSWER_S: Final = 1.0
"""A stream that does not answer within this time is left alone until it comes anew."""
_FORGET_S: Final = 5.0
_JOIN_S: Final = 5.0


def marker_predicate(name: str = "", predicate: str = "") -> str:
    """The XPath predicate of string streams of type "Markers", or of a narrower choice of them.

    Args:
        name: of the stream; empty for any.
        predicate: XPath 1.0 on the stream's description, instead of the type.

    Raises:
        OutputError: the name holds both kinds of quotation mark, which XPath cannot express.
    """
    parts = [f"({predicate})" if predicate else "type='Markers'", "channel_format='string'"]
    if name:
        quote = '"' if "'" in name else "'"
        if quote in name:
            raise OutputError("A marker stream's name cannot hold both kinds of quotation mark.")
        parts.append(f"name={quote}{name}{quote}")
    return " and ".join(parts)


class MarkerInlet:
    """Passes on the markers of all matching streams, also of those that come later.

    Markers come from the network: their text is cut, control characters become spaces, floods are
    thinned out.

    Args:
        on_marker: is called with each marker, in the inlet's thread.
        name: of the stream; empty for any of type "Markers".
        predicate: XPath 1.0 on the stream's description, instead of the type.

    Raises:
        OutputError: pylsl is missing, or there can be no such stream.
    """

    def __init__(self, on_marker: OnMarker, *, name: str = "", predicate: str = "") -> None:
        self._lsl = load_pylsl()
        self._on_marker = on_marker
        self._resolver = self._lsl.ContinuousResolver(
            pred=marker_predicate(name, predicate), forget_after=_FORGET_S
        )
        self._inlets: dict[str, Any] = {}
        self._silent = set[str]()
        self._recent = deque[float](maxlen=MOST_A_SECOND)
        self._received = 0
        self._left_out = 0
        self._failure = ""
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ferdesk-markers", daemon=True)
        self._thread.start()

    @property
    def status(self) -> str:
        """How it goes, for people."""
        if self._failure:
            return f"Markers are off: {self._failure}"
        left_out = f", {self._left_out} left out" if self._left_out else ""
        streams = len(self._inlets)
        return (
            f"Markers from {streams} stream{'' if streams == 1 else 's'}, "
            f"{self._received} received{left_out}"
        )

    def close(self) -> None:
        """Stop listening; may be called more than once."""
        self._stopped.set()
        self._thread.join(_JOIN_S)
        if self._thread.is_alive():
            log.warning("the marker inlet hangs and is left behind")

    def _run(self) -> None:
        try:
            while not self._stopped.wait(_POLL_S):
                self._look_around()
                for uid, inlet in list(self._inlets.items()):
                    self._pull(uid, inlet)
        except Exception as error:
            log.exception("listening to markers failed")
            self._failure = f"{type(error).__name__}: {error}"
        finally:
            self._inlets = {}  # an inlet ends with its last reference
            self._resolver = None

    def _look_around(self) -> None:
        """Open what is new, as far as there is room."""
        found = {info.uid(): info for info in self._resolver.results()}
        self._silent &= found.keys()
        for uid, info in found.items():
            if uid in self._inlets or uid in self._silent:
                continue
            if len(self._inlets) >= _MOST_STREAMS or self._stopped.is_set():
                return
            inlet = self._open(info)
            if inlet is None:
                self._silent.add(uid)
            else:
                self._inlets[uid] = inlet

    def _open(self, info: Any) -> Any:
        if info.channel_count() > _MOST_CHANNELS:
            return None
        # One that is lost comes back through the resolver.
        inlet = self._lsl.StreamInlet(info, max_buflen=_BUFFER, recover=False, as_numpy=True)
        try:
            inlet.open_stream(_ANSWER_S)
            inlet.time_correction(_ANSWER_S)
        except RuntimeError as error:
            log.warning("a marker stream does not answer: %s", error)
            return None
        return inlet

    def _pull(self, uid: str, inlet: Any) -> None:
        try:
            shift = inlet.time_correction(_ANSWER_S) + time.monotonic() - self._lsl.local_clock()
            samples, stamps = inlet.pull_chunk(0.0, max_samples=_MOST_AT_ONCE)
        except RuntimeError as error:
            log.info("a marker stream ended: %s", error)
            del self._inlets[uid]
            return
        for sample, stamp in zip(samples, stamps.tolist(), strict=True):
            self._pass_on(stamp + shift, b" ".join(sample))

    def _pass_on(self, time_s: float, data: bytes) -> None:
        now = time.monotonic()
        flood = len(self._recent) == MOST_A_SECOND and now - self._recent[0] < 1.0
        text = clean_text(data)
        if flood or not text or not math.isfinite(time_s):
            self._left_out += 1
            return
        self._recent.append(now)
        self._received += 1
        self._on_marker(time_s, text)


def clean_text(data: bytes) -> str:
    """A marker's text from whatever a stranger sent: one printable line of bounded length."""
    text = data[: 4 * LONGEST_TEXT].decode("utf-8", "replace")
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())[:LONGEST_TEXT]
