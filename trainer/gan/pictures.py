"""Faces on other identities, as pictures."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
from torch import Tensor
from torchvision.utils import make_grid

from ferdesk.core.errors import DataError, OutputError
from ferdesk.core.preprocess import normalise
from ferdesk.core.types import ImageU8
from trainer import files
from trainer.datasets.faces import decode
from trainer.datasets.listing import MAX_PICTURE_BYTES
from trainer.errors import TrainError, write_failure
from trainer.gan.nets import SPAN, Generator
from trainer.gan.people import one_hot

_GAP: Final = 2  # pixels between the pictures of a grid


@torch.inference_mode()
def transfer(generator: Generator, sources: Tensor, codes: Sequence[int], noise: Tensor) -> Tensor:
    """Each source's expression on each identity.

    Args:
        generator: in eval mode.
        sources: (m, 1, size, size) uint8.
        codes: of k identities.
        noise: (noise,) float32, the same for all.

    Returns:
        (m, k, 1, size, size) float32 on the CPU, in a patch's units.

    Raises:
        TrainError: a code is out of range.
    """
    device = next(generator.parameters()).device
    features = generator.encoder(normalise(sources.to(device).float()))
    width = generator.decoder.identities
    columns = [
        generator.decoder(
            features,
            one_hot(torch.full((len(sources),), code), width).to(device),
            noise.to(device).expand(len(sources), -1),
        )
        for code in codes
    ]
    return torch.stack(columns, 1).cpu()


def to_grey(pictures: Tensor) -> Tensor:
    """Pictures in a patch's units as uint8 grey levels, the same shape."""
    return ((pictures / SPAN + 1) * 127.5).clamp(0, 255).round().to(torch.uint8)


def grid(sources: Tensor, made: Tensor) -> ImageU8:
    """Rows of pictures: a source, then its expression on one identity after the other.

    Args:
        sources: (m, 1, size, size) uint8.
        made: (m, k, 1, size, size), from `transfer`.

    Returns:
        (height, width) uint8, grey.
    """
    shown = to_grey(normalise(sources.float()))
    rows = torch.cat([shown[:, None], to_grey(made)], 1)
    whole = make_grid(rows.flatten(0, 1), nrow=rows.shape[1], padding=_GAP, pad_value=255)
    return np.ascontiguousarray(whole[0].numpy())


def read_source(path: Path, cut: Callable[[ImageU8], ImageU8 | None]) -> Tensor:
    """The face of a picture file: (1, size, size) uint8.

    Args:
        path: a picture.
        cut: gives a face's grey patch, or None where it finds none.

    Raises:
        DataError: missing, too large, no picture, or without a face.
    """
    try:
        if path.stat().st_size > MAX_PICTURE_BYTES:
            raise DataError(f"{path} is larger than {MAX_PICTURE_BYTES:,} bytes.")
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror or error}.") from error
    patch = cut(decode(content, str(path)))
    if patch is None:
        raise DataError(f"{path}: no face found in it; choose a picture with one, seen from ahead.")
    return torch.from_numpy(np.ascontiguousarray(patch))[None]


def write_picture(path: Path, picture: ImageU8) -> None:
    """Write a grey picture in the format that its name asks for.

    Raises:
        TrainError: there is no such format.
        OutputError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(write_failure(path.parent, error)) from error
    try:
        done, content = cv2.imencode(path.suffix, picture)
    except cv2.error as error:
        raise TrainError(f"{path}: pictures can be written as .png or .jpg.") from error
    if not done:
        raise TrainError(f"{path}: the picture cannot be encoded.")
    files.write_bytes(path, content.tobytes())
