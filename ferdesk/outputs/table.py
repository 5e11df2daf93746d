"""The results as a CSV table."""

import csv
import io
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FaceResult, FrameResult
from ferdesk.outputs.files import PrivateFile, failed

COLUMNS: Final = (
    "file",
    "frame",
    "time_s",
    "face_id",
    "box_x",
    "box_y",
    "box_w",
    "box_h",
    "yaw",
    "pitch",
    "roll",
    "label",
    "confidence",
    *(f"p_{name}" for name in EXPRESSIONS),
)

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


class Table:
    """A CSV file with one row a face; a frame without a face gives no row.

    Boxes are in pixels of the frame, angles in degrees, probabilities 0..1 (smoothed, as shown).
    `time_s` is empty for pictures. UTF-8, lines end with a line feed. Rows reach the file frame by
    frame, so that a program that is killed loses none.

    Args:
        path: the file; what it held before is lost.

    Raises:
        OutputError: it cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._file = PrivateFile(path)
        self._text = io.StringIO()
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(COLUMNS)
        try:
            self._save()
        except BaseException:
            self._file.close()
            raise

    @property
    def path(self) -> Path:
        """Where the table lies."""
        return self._file.path

    def write(self, result: FrameResult, time_s: float | None = None) -> None:
        """Add a frame's faces.

        Args:
            result: what the frame gave.
            time_s: the frame's time; by default its own.

        Raises:
            OutputError: the disk is full or gone; the rows so far stay valid.
        """
        if not result.faces:
            return
        time = result.frame.source_time_s if time_s is None else time_s
        start = (
            cell(result.frame.name),
            result.frame.index,
            "" if time is None else f"{time:.6f}",
        )
        self._writer.writerows((*start, *_face(face)) for face in result.faces)
        self._save()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _save(self) -> None:
        data = self._text.getvalue().encode("utf-8", "replace")
        self._text.seek(0)
        self._text.truncate()
        try:
            self._file.write(data)
        except OSError as error:
            raise failed(self.path, error) from error
        if self._file.error is not None:
            raise failed(self.path, self._file.error)
        self._file.keep()


def cell(name: str) -> str:
    """A file name as a cell: one that a spreadsheet would run as a formula gets "./" before it."""
    return f"./{name}" if name.startswith(_FORMULA_STARTS) else name


def _face(result: FaceResult) -> tuple[str | int, ...]:
    face = result.face
    return (
        face.track_id,
        *(f"{value:.2f}" for value in face.box),
        *(f"{value:.2f}" for value in face.pose),
        result.label,
        f"{result.confidence:.6f}",
        *(f"{value:.6f}" for value in result.probabilities.tolist()),
    )
