"""Which crop of a photograph suits a net that was trained on FER+ pictures?

    python benchmarks/crop_comparison.py FACES_ZIP BUNDLE [--landmarks CACHE.npz]

FACES_ZIP holds photographs and a labels.csv (image, identity, expression). The identities are cut
into two halves: the recipe is chosen on the first and reported on the second. Prints a Markdown
table. The winner is `ferdesk.core.align.eye_aligned`; the losers live only here.
"""

import argparse
import csv
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ferdesk.bundles import find_bundle
from ferdesk.core.align import OUTER_EYE_CORNERS, CropRecipe, eye_aligned
from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.preprocess import extract
from ferdesk.core.types import FloatArray, Frame, ImageU8, Matrix
from ferdesk.expression import ExpressionNet
from ferdesk.faces.finder import OpenVinoFinder
from ferdesk.faces.store import load

SIZE = 48
Place = Callable[[FloatArray], Matrix]


def e2e(scale: float = 1.0, shift: float = 0.0, depth: bool = True) -> Place:
    """Ng et al.'s box, scaled about its centre and shifted down by a share of the eye distance."""
    base = CropRecipe(beside=0.62, above=0.9, below=1.35)
    side = (1 + 2 * base.beside + base.above + base.below) / 2 * scale
    drop = (base.below - base.above) / 2 + shift
    recipe = CropRecipe(beside=(side - 1) / 2, above=side / 2 - drop, below=side / 2 + drop)
    return lambda points: eye_aligned(points if depth else points[:, :2], recipe, SIZE)


def landmark_box(scale: float, level: bool) -> Place:
    """The square around all landmarks, its side scaled; upright, or with the eyes level."""

    def place(points: FloatArray) -> Matrix:
        left, right = (points[i, :2].astype(np.float64) for i in OUTER_EYE_CORNERS)
        across = right - left if level else np.array([1.0, 0.0])
        along = across / np.linalg.norm(across)
        axes = np.stack([along, [-along[1], along[0]]])
        turned = points[:, :2] @ axes.T
        low, high = turned.min(axis=0), turned.max(axis=0)
        side = float((high - low).max()) * scale
        linear = axes * (SIZE / side)
        centre = axes.T @ ((low + high) / 2)
        return np.concatenate([linear, ((SIZE - 1) / 2 - linear @ centre)[:, None]], axis=1)

    return place


PLACES: dict[str, Place] = {
    "e2e box (Ng et al.), eye distance in the plane": e2e(depth=False),
    "e2e box, eye distance in space": e2e(),
    "e2e box in space, 30 % smaller": e2e(0.7),
    "e2e box in space, 25 % smaller": e2e(0.75),
    "e2e box in space, 20 % smaller": e2e(0.8),
    "e2e box in space, 15 % smaller": e2e(0.85),
    "e2e box in space, 10 % smaller": e2e(0.9),
    "e2e box in space, 5 % smaller": e2e(0.95),
    "e2e box in space, 5 % larger": e2e(1.05),
    "e2e box in space, 10 % larger": e2e(1.1),
    "e2e box in space, 0.1 e2e lower": e2e(shift=0.1),
    "e2e box in space, 0.1 e2e higher": e2e(shift=-0.1),
    "landmark box x 1.15, upright": landmark_box(1.15, level=False),
    "landmark box x 1.15, eyes level": landmark_box(1.15, level=True),
    "landmark box x 0.95, eyes level": landmark_box(0.95, level=True),
    "landmark box x 1.05, eyes level": landmark_box(1.05, level=True),
    "landmark box x 1.25, eyes level": landmark_box(1.25, level=True),
}


def photographs(path: Path) -> Iterator[tuple[str, str, int, ImageU8]]:
    """Name, identity, label (canonical index) and BGR picture of each photograph."""
    with zipfile.ZipFile(path) as content:
        (table,) = (name for name in content.namelist() if name.endswith("labels.csv"))
        folder = table.rpartition("/")[0]
        text = io.TextIOWrapper(content.open(table), encoding="utf-8", newline="")
        for row in csv.DictReader(text):
            data = np.frombuffer(content.read(f"{folder}/{row['image']}"), np.uint8)
            image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
            yield row["image"], row["identity"], EXPRESSIONS.index(row["expression"]), image


def largest_faces(path: Path, cache: Path | None) -> dict[str, FloatArray]:
    """The landmarks of the largest face of each photograph, by name."""
    if cache is not None and cache.exists():
        with np.load(cache, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    finder = OpenVinoFinder(load("auto"), max_faces=4)
    found = {}
    for index, (name, _, _, image) in enumerate(photographs(path)):
        faces = finder.find(Frame(image, index, 0, None, name, still=True))
        if faces:
            found[name] = faces[0].landmarks
    if cache is not None:
        np.savez_compressed(cache, **found)
    return found


def scores(labels: NDArray[np.int64], judged: NDArray[np.int64]) -> tuple[float, float]:
    """Accuracy, and the mean of the classes' recalls."""
    recalls = [float((judged[labels == one] == one).mean()) for one in np.unique(labels)]
    return float((labels == judged).mean()), float(np.mean(recalls))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=Path)
    parser.add_argument("bundle")
    parser.add_argument("--landmarks", type=Path)
    args = parser.parse_args()
    landmarks = largest_faces(args.faces, args.landmarks)
    rows = [row for row in photographs(args.faces) if row[0] in landmarks]
    labels = np.array([label for _, _, label, _ in rows])
    half = np.array([zlib.crc32(identity.encode()) % 2 == 0 for _, identity, _, _ in rows])
    net = ExpressionNet(find_bundle(args.bundle))
    print(f"{len(rows)} faces; chosen on {half.sum()}, reported on {(~half).sum()}\n")
    print("| crop | choose: accuracy | balanced | report: accuracy | balanced |")
    print("|---|---|---|---|---|")
    for title, place in PLACES.items():
        patches = [extract(image, place(landmarks[name]), SIZE).image for name, _, _, image in rows]
        judged = np.concatenate(
            [net.predict(patches[i : i + 64]).argmax(axis=1) for i in range(0, len(patches), 64)]
        )
        figures = [*scores(labels[half], judged[half]), *scores(labels[~half], judged[~half])]
        print(f"| {title} | " + " | ".join(f"{value:.1%}" for value in figures) + " |")


if __name__ == "__main__":
    main()
