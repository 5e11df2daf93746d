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
from ferdesk.core.types import AuValues, FaceResult, FrameResult
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
        self._file = PrivateFile(path)
        self._text = io.StringIO()
        self._writer = csv.writer(self._text, lineterminator="\n")
        self._writer.writerow(columns(self._units))
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
        # The estimator's clock is the source's, which need not begin with the table's.
        shift = None if time is None else time - result.frame.clock_s
        for face in result.faces:
            self._writer.writerow(
                (*start, *_face(face), *_decision(face), *_units(face.aus, self._units, shift))
            )
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
    return (
        *COLUMNS,
        *(
            unit(number).code + ending
            for number in units
            for ending in ("", "_raw", *(("_left", "_right") if unit(number).paired else ()))
        ),
    )


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


def _decision(result: FaceResult) -> tuple[str, ...]:
    verdict = result.verdict
    if verdict is None:
        return EXPRESSIONS[int(result.raw.argmax())], "", ""
    margin = f"{verdict.margin:.6f}" if verdict.contested else ""
    return verdict.own, "|".join(verdict.contested), margin


def _units(aus: AuValues | None, units: Sequence[int], shift: float | None) -> list[str]:
    """The cells from `au_estimator` on."""
    if aus is None:
        return [""] * (len(columns(units)) - COLUMNS.index("au_estimator"))
    time = "" if shift is None else f"{aus.time_s + shift:.6f}"
    cells = [cell(aus.estimator), str(int(aus.reliable)), time]
    for number in units:
        index = AU_INDEX[number]
        vectors = [aus.activation, aus.raw]
        if unit(number).paired:
            vectors += [aus.left, aus.right]
        cells += [_number(float(vector[index])) for vector in vectors]
    return cells


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6f}"
