"""A small data set in FER+'s official layout, of drawn faces; none of FER+'s own images."""

import zipfile

import cv2
import numpy as np

COUNTS = {"train": 40, "valid": 24}


def draw_face(rng, smile):
    """A 48 x 48 grey drawing whose mouth bends up or down."""
    image = np.full((48, 48), int(rng.integers(60, 110)), np.uint8)
    x, y = rng.integers(-2, 3, 2)
    cv2.ellipse(image, (24 + int(x), 24 + int(y)), (16, 20), 0, 0, 360, 190, -1)
    for side in (-6, 6):
        cv2.circle(image, (24 + int(x) + side, 18 + int(y)), 2, 40, -1)
    begin, end, drop = (0, 180, 30) if smile else (180, 360, 37)
    cv2.ellipse(image, (24 + int(x), drop + int(y)), (7, 4), 0, begin, end, 30, 2)
    noise = rng.normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def write_part(folder, names, images, votes):
    folder.mkdir(parents=True)
    rows = []
    for name, image, row in zip(names, images, votes, strict=True):
        assert cv2.imwrite(str(folder / name), image)
        rows.append(f'{name},"(0, 0, 48, 48)",' + ",".join(map(str, row)))
    (folder / "label.csv").write_text("\n".join(rows) + "\n")


def zip_tree(tree, path, prefix=""):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(tree.rglob("*.*")):
            archive.write(file, prefix + file.relative_to(tree).as_posix())


def make_tree(root, folders):
    """FER2013Train with 40 faces, FER2013Valid with 24; every fourth image has split votes."""
    rng = np.random.default_rng(7)
    number = 0
    for part, count in COUNTS.items():
        images, votes, names = [], [], []
        for i in range(count):
            smile = i % 2 == 0
            images.append(draw_face(rng, smile))
            row = [0] * 10
            row[1 if smile else 3] = 10 if i % 4 else 7
            row[0] += 0 if i % 4 else 3
            votes.append(row)
            names.append(f"fer{number:07d}.png")
            number += 1
        write_part(root / folders[part], names, images, votes)
