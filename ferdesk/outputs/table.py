"""The results as a CSV table."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ferdesk.core.aus import AU_INDEX, unit
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import AuValues, FaceReading, FrameResult
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
    "net_label",
    "contested",
    "margin",
    "au_estimator",
    "au_reliable",
    "au_time_s",
)
"""Before the columns of the action units."""

Cell = str | int | float | bool | None
"""A value of one column; None, and NaN of a number, where there is none."""

_COARSE: Final = frozenset({"box_x", "box_y", "box_w", "box_h", "yaw", "pitch", "roll"})
"""Columns of pixels and degrees: two digits after the point; other fractions have six."""

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


class Table:
    """A CSV file with one row a face; a frame without a face gives no row.

    Boxes are in pixels of the frame, angles in degrees, probabilities 0..1 (smoothed, as shown).
    `time_s` is empty for pictures. `net_label` is the net's own answer for this frame alone;
    `contested` the expressions between which it had no clear winner, "fear|surprise", and `margin`
    by how much the action units spoke for the chosen one, in units of log-odds; both are empty
    where nothing was contested.

    Action units are activations, 0 (at rest) to 1 (as strong as the estimator knows it): `AU12`,
    `AU12_raw` before a neutral profile was taken off, `AU12_left` and `AU12_right` (the person's
    own sides, as estimated) for units that have sides. `au_reliable` is 1, or 0 for a face that is
    too small or turned away too far; `au_time_s` is the time of the frame that they were read from.
    An empty cell was not estimated, which is something else than 0.

    UTF-8, lines end with a line feed. Rows reach the file frame by frame, so that a program that is
    killed loses none.

    Args:
        path: the file; what it held before is lost.
        units: numbers of the action units that get columns.

    Raises:
        OutputError: it cannot be made.
    """

    def __init__(self, path: Path, units: Sequence[int] = ()) -> None:
        self._units = tuple(units)
        self._columns = columns(self._units)
        self._file = PrivateFile(path)
        self._text = io.StringIO()
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(self._columns)
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
        frame = result.frame
        time = frame.source_time_s if time_s is None else time_s
        # The estimator's clock is the source's, which need not begin with the table's.
        shift = None if time is None else time - frame.clock_s
        for face in result.faces:
            cells = face_cells(
                face,
                self._units,
                file=frame.name,
                frame=frame.index,
                time_s=time,
                au_shift_s=shift,
            )
            self._writer.writerow(map(cell_text, self._columns, cells))
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


def columns(units: Sequence[int]) -> tuple[str, ...]:
    """The names of all columns, in their order, of a table with these action units."""
    return (*COLUMNS, *(name for number in units for name in unit_columns(number)))


def unit_columns(number: int) -> tuple[str, ...]:
    """The columns of one action unit: its activation, as estimated, and the sides if it has any."""
    endings = ("", "_raw", *(("_left", "_right") if unit(number).paired else ()))
    return tuple(unit(number).code + ending for ending in endings)


def face_cells(
    face: FaceReading,
    units: Sequence[int],
    *,
    file: str,
    frame: int,
    time_s: float | None,
    au_shift_s: float | None,
) -> tuple[Cell, ...]:
    """One face as a row: values for `columns(units)`, in their order.

    Args:
        face: what is known about it.
        units: numbers of the action units that have columns.
        file: the name of what the frame came from.
        frame: the frame's number, from 0.
        time_s: the frame's time in seconds; None where it has none.
        au_shift_s: what to add to the time of its action units, so that it is on the clock of
            `time_s`; None where there is no such clock.
    """
    where = face.face
    return (
        file,
        frame,
        time_s,
        where.track_id,
        *map(float, where.box),
        *map(float, where.pose),
        face.label,
        face.confidence,
        *face.probabilities.tolist(),
        *_decision(face),
        *_units(face.aus, units, au_shift_s),
    )


def cell(name: str) -> str:
    """A file name as a cell: one that a spreadsheet would run as a formula gets "./" before it."""
    return f"./{name}" if name.startswith(_FORMULA_STARTS) else name


def cell_text(column: str, value: Cell) -> str:
    """A value of a column as the CSV has it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return cell(value)
    if not isinstance(value, float):
        return str(int(value))
    return "" if math.isnan(value) else f"{value:.{2 if column in _COARSE else 6}f}"


def _decision(face: FaceReading) -> tuple[Cell, ...]:
    verdict = face.verdict
    if verdict is None or not verdict.contested:
        return face.net_label, None, None
    return face.net_label, "|".join(verdict.contested), verdict.margin


def _units(aus: AuValues | None, units: Sequence[int], shift: float | None) -> list[Cell]:
    """The cells from `au_estimator` on."""
    if aus is None:
        return [None] * (len(columns(units)) - COLUMNS.index("au_estimator"))
    cells: list[Cell] = [
        aus.estimator,
        aus.reliable,
        None if shift is None else aus.time_s + shift,
    ]
    for number in units:
        index = AU_INDEX[number]
        vectors = [aus.activation, aus.raw]
        if unit(number).paired:
            vectors += [aus.left, aus.right]
        cells += [float(vector[index]) for vector in vectors]
    return cells
