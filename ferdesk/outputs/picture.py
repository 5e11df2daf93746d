"""Annotated still pictures."""

from collections.abc import Callable
from pathlib import Path

import cv2

from ferdesk.core.errors import OutputError
from ferdesk.core.types import FrameResult, ImageU8
from ferdesk.outputs.files import PrivateFile, failed, make_folder
from ferdesk.outputs.names import ResultNames


def write_picture(path: Path, image: ImageU8) -> None:
    """Write a picture for the user alone (mode 0600).

    Args:
        path: ends with .png or .jpg, which decides the format.
        image: (height, width, 3) uint8, BGR.

    Raises:
        OutputError: it cannot be written; then no file is left.
    """
    try:
        good, data = cv2.imencode(path.suffix, image)
    except cv2.error as error:
        raise OutputError(f"{path} cannot be written: {path.suffix} is no picture's.") from error
    if not good:
        raise OutputError(f"{path} cannot be written: the picture cannot be encoded.")
    with PrivateFile(path) as file:
        try:
            file.write(data.tobytes())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise failed(path, error) from error


class PictureFolder:
    """Annotated pictures in a folder, as PNG, each called like the picture it was made from.

    Args:
        path: the folder; made if it is not there.
        draw: makes the picture to write, (height, width, 3) uint8, BGR.

    Raises:
        OutputError: the folder cannot be made.
    """

    def __init__(self, path: Path, draw: Callable[[FrameResult], ImageU8]) -> None:
        make_folder(path)
        self._path = path
        self._draw = draw
        self._names = ResultNames(path, ())

    def write(self, result: FrameResult) -> None:
        """Draw and write a result.

        Raises:
            OutputError: it cannot be written.
        """
        stem = self._names.claim(Path(result.frame.name).stem).stem
        write_picture(self._path / f"{stem}.png", self._draw(result))
