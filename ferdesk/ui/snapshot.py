"""Saving what is shown: the annotated picture as PNG and the numbers as JSON. No Qt."""

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import cv2

from ferdesk.core.errors import OutputError
from ferdesk.texts import tr
from ferdesk.ui.live import LiveResult


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The two files that were written."""

    picture: Path
    data: Path


def save_snapshot(live: LiveResult, folder: Path, at: datetime) -> Snapshot:
    """Write the annotated picture and its result; readable by the user alone, as faces are private.

    Args:
        live: what is shown.
        folder: made if it is not there.
        at: the wall-clock time that names the files, with a time zone.

    Raises:
        OutputError: the folder or the files cannot be written; no half of a snapshot is left.
    """
    ok, png = cv2.imencode(".png", live.image[..., :3], [cv2.IMWRITE_PNG_COMPRESSION, 3])
    if not ok:
        raise OutputError(tr("The picture cannot be encoded as PNG."))
    record: dict[str, Any] = {"taken_at": at.isoformat(timespec="milliseconds")}
    record |= live.result.to_dict()
    text = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
    stem = f"ferdesk-{at:%Y%m%d-%H%M%S}-{at.microsecond // 1000:03d}"
    snapshot = Snapshot(folder / f"{stem}.png", folder / f"{stem}.json")
    written: list[Path] = []
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path, data in ((snapshot.picture, png.tobytes()), (snapshot.data, text.encode())):
            _write_private(path, data, written)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        text = tr("The snapshot cannot be saved in {folder}: {why}.")
        raise OutputError(text.format(folder=folder, why=error.strerror or error)) from error
    return snapshot


def _write_private(path: Path, data: bytes, written: list[Path]) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    written.append(path)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
