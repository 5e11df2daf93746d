"""Where the tests' material lies, and how a clip is read without a source in the way."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from ferdesk.core.types import Frame, ImageU8

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"
DATA = Path(__file__).with_name("data")


def decode(path: Path) -> Iterator[Frame]:
    """Frames of a video with its own times."""
    with av.open(str(path)) as container:
        for index, picture in enumerate(container.decode(video=0)):
            image: ImageU8 = np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
            yield Frame(image, index, index * 40_000_000, float(picture.time), path.name)
