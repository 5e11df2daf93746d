"""The Python API: what is in the faces of a source, in a for loop, or of one picture."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, Unpack

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from ferdesk.core.types import Frame, FrameResult, ImageU8
from ferdesk.live.watch import Watch
from ferdesk.pipeline import Pipeline, build_pipeline
from ferdesk.settings import Settings, SettingsOptions
from ferdesk.sources.folders import existing
from ferdesk.sources.images import MAX_PIXELS, MAX_SIDE, load_image

_PICTURE: Final = "picture"
"""What a picture is called that came as an array."""


class Recognizer:
    """Finds faces and reads their expressions and action units.

    Iterated, it gives a `FrameResult` a frame of its source: each frame of a file, as fast as they
    are asked for; of a camera or stream always the newest, and `dropped` counts the others.
    Iterating again opens the source anew, knows nobody and numbers people from 1; it ends an
    iteration that still goes on. `analyze` takes single pictures and needs no source.

    The nets are loaded once, when they are first needed. A result holds its frame's pixels: keep
    what you need of it, not all results of a long video.

    One thread at a time iterates or calls `analyze`. `stop`, `close` and the properties may be
    called from any thread.

    Args:
        source: a camera's number; a path; or any text that `ferdesk.sources.open_source` takes,
            such as "demo", "talk.mp4", "camera:HD Webcam" or "rtsp://host/live". None where only
            pictures are to be analysed.
        settings: how frames are analysed.
        **options: the same, field by field: `max_faces=1, aus="off"`.

    Raises:
        TypeError: a source of another type, a setting that there is not, or settings both ways.
        ValueError: a value that is out of range.
    """

    def __init__(
        self,
        source: int | str | Path | None = None,
        *,
        settings: Settings | None = None,
        **options: Unpack[SettingsOptions],
    ) -> None:
        self._spec = _spec(source)
        self._settings = _settings(settings, options)
        self._pipeline: Pipeline | None = None
        self._closed = False
        self._reading = _Reading()
        self._changing = threading.Lock()
        self._working = threading.Lock()

    @property
    def settings(self) -> Settings:
        """How frames are analysed."""
        return self._settings

    @property
    def dropped(self) -> int:
        """Frames of a live source that a newer one replaced, in the last iteration."""
        return self._reading.dropped

    @property
    def warning(self) -> str | None:
        """What was wrong with the source though reading went on, such as a file cut short."""
        return self._reading.warning

    @property
    def units(self) -> tuple[int, ...]:
        """Numbers of the action units that are estimated, ascending; loads the nets."""
        return self._loaded().units

    def describe(self) -> dict[str, Any]:
        """What runs, ready for JSON; loads the nets.

        Returns:
            `faces_backend`, `engine`, `bundle`, `au_estimator`, `disambiguator` and `neutral` as in
            `ferdesk.summary.Summary`, and `units`, the numbers of the estimated action units.

        Raises:
            ModelError, BundleError, ProfileError: they cannot be loaded.
        """
        pipeline = self._loaded()
        return {
            "faces_backend": pipeline.faces_backend,
            "engine": pipeline.engine,
            "bundle": pipeline.bundle,
            "au_estimator": pipeline.au_estimator,
            "units": list(pipeline.units),
            "disambiguator": pipeline.disambiguator,
            "neutral": pipeline.neutral,
        }

    def __iter__(self) -> Iterator[FrameResult]:
        """Read the source from its beginning.

        Raises:
            ValueError: there is no source, or the Recognizer is closed.
            ModelError, BundleError, ProfileError: the nets cannot be loaded (at the first result).
            SourceError: the source cannot be opened or read (likewise, or later).
        """
        if self._spec is None:
            raise ValueError("This Recognizer has no source; name one: Recognizer(source=0).")
        with self._changing:
            self._check_open()
            self._reading.stop()
            self._reading = reading = _Reading()
        return self._results(self._spec, reading)

    def analyze(self, image: NDArray[np.uint8] | str | Path) -> FrameResult:
        """Analyse one picture by itself: nothing is followed from the one before.

        Args:
            image: (height, width, 3) uint8, **BGR** as OpenCV has it (of an RGB array hand over
                `rgb[..., ::-1]`), or (height, width) uint8, grey; or the path of a PNG, JPEG, BMP,
                WebP, TIFF or PNM file. An array is copied.

        Returns:
            What was found; its frame is `still`, and faces are numbered from 1, largest first.

        Raises:
            TypeError: neither a path nor an array of uint8.
            ValueError: an array of another shape, or too large; or the Recognizer is closed.
            RuntimeError: the source is being read. Take a second Recognizer for pictures.
            SourceError: the file cannot be read as a picture.
            ModelError, BundleError, ProfileError: the nets cannot be loaded.
        """
        if isinstance(image, str | Path):
            pixels, name = load_image(Path(image)), Path(image).name
        else:
            pixels, name = _bgr(image), _PICTURE
        pixels.flags.writeable = False
        with self._working:
            if self._reading.running:
                raise RuntimeError(
                    "This Recognizer is reading its source. Take a second one for pictures, or "
                    "call stop() first."
                )
            pipeline = self._built()
            pipeline.reset()
            return pipeline.process(Frame(pixels, 0, time.monotonic_ns(), None, name, still=True))

    def stop(self) -> None:
        """End the iteration after the frame it is at, also one that waits for a camera."""
        with self._changing:
            self._reading.stop()

    def close(self) -> None:
        """Let go of the source and the nets, for good; may be called more than once."""
        self.stop()
        with self._working:
            self._closed = True
            self._reading.close()
            if self._pipeline is not None:
                self._pipeline.close()
                self._pipeline = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _results(self, spec: str, reading: "_Reading") -> Iterator[FrameResult]:
        try:
            with self._working:
                if reading.stopped:
                    return
                pipeline = self._built()  # first: a camera would only fill up meanwhile
                pipeline.reset()
                reading.open(spec)
            while True:
                # Held while reading as well, so that nobody closes a file under its reader.
                with self._working:
                    frame = reading.read()
                    result = pipeline.process(frame) if frame is not None else None
                if result is None:
                    return
                yield result
        finally:
            reading.close()

    def _loaded(self) -> Pipeline:
        pipeline = self._pipeline
        if pipeline is not None:  # so nobody who asks has to wait for a camera's next frame
            return pipeline
        with self._working:
            return self._built()

    def _built(self) -> Pipeline:
        self._check_open()
        if self._pipeline is None:
            # A file's frames wait for their own action units, so that nothing depends on timing.
            spec = self._spec
            file = spec is None or spec == "demo" or existing(spec) is not None
            self._pipeline = build_pipeline(self._settings, wait=file)
        return self._pipeline

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError("This Recognizer is closed.")


class _Reading:
    """One way through a source, which any thread may stop."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watch: Watch | None = None
        self.stopped = False
        self.running = False

    @property
    def dropped(self) -> int:
        return self._watch.dropped if self._watch else 0

    @property
    def warning(self) -> str | None:
        return self._watch.warning if self._watch else None

    def open(self, spec: str) -> None:
        watch = Watch(spec)
        with self._lock:
            self._watch, self.running = watch, True
            if self.stopped:
                watch.stop()

    def read(self) -> Frame | None:
        return self._watch.read() if self._watch else None

    def stop(self) -> None:
        with self._lock:
            self.stopped = True
            self.running = False
            if self._watch is not None:
                self._watch.stop()

    def close(self) -> None:
        self.stop()
        if self._watch is not None:
            self._watch.close()


def _spec(source: int | str | Path | None) -> str | None:
    if source is None or isinstance(source, str):
        return source
    if isinstance(source, Path):
        return str(source.absolute())  # a file that is called 0 is no camera
    if isinstance(source, bool) or not isinstance(source, int):
        raise TypeError(f"A source is a camera's number, a path or a text, not {source!r}.")
    if source < 0:
        raise ValueError(f"Cameras are numbered from 0; there is none with number {source}.")
    return f"camera:{source}"


def _settings(settings: Settings | None, options: SettingsOptions) -> Settings:
    if settings is not None:
        if options:
            raise TypeError("Give either settings or their fields one by one, not both.")
        return settings
    if unknown := sorted(options.keys() - Settings.model_fields.keys()):
        known = ", ".join(Settings.model_fields)
        raise TypeError(f"There is no setting {unknown[0]!r}. There are: {known}.")
    try:
        return Settings.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{first['loc'][0]}: {first['msg']}.") from error


def _bgr(image: NDArray[np.uint8]) -> ImageU8:
    """A copy of a caller's array, once it is sure to be a picture."""
    if not isinstance(image, np.ndarray):
        raise TypeError(f"A picture is a path or a numpy array, not {type(image).__name__}.")
    if image.dtype != np.uint8:
        raise TypeError(f"A picture's pixels are uint8, 0 to 255, not {image.dtype}.")
    grey = image.ndim == 2
    if not (grey or (image.ndim == 3 and image.shape[2] == 3)) or not image.size:
        raise ValueError(
            "A picture is of shape (height, width, 3), BGR, or (height, width), grey; this array "
            f"has {image.shape}."
        )
    height, width = image.shape[:2]
    if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS:
        raise ValueError(
            f"This picture has {width} x {height} pixels; at most {MAX_PIXELS // 1_000_000} "
            f"million, and {MAX_SIDE} a side, are analysed. Scale it down first."
        )
    if grey:
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_GRAY2BGR), np.uint8)
    return np.array(image, order="C")
