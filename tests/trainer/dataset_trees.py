"""Small data sets in the layouts of FER2013, CK+, JAFFE and of users' own pictures, all drawn."""

import zipfile

import cv2
import numpy as np

from trainer.datasets.base import Sample, Table

CLASSES = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")
CODES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
CK_EMOTIONS = {"anger": 1, "contempt": 2, "disgust": 3, "fear": 4, "happy": 5, "sadness": 6}
CK_EMOTIONS["surprise"] = 7


def drawing(seed, side=48):
    """A grey picture that no other seed has."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (side, side), dtype=np.uint8)
    return cv2.GaussianBlur(image, (3, 3), 0)


def save(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)
    return path


def pack(folder, path):
    """A zip of everything below a folder, from the folder's name on."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(file, file.relative_to(folder.parent).as_posix())
    return path


def crop(picture):
    """Stands in for the app's finder: the picture's top left corner."""
    grey = picture if picture.ndim == 2 else picture[:, :, 0]
    return grey[:16, :16].copy()


def fer2013_row(seed, emotion, usage):
    return f"{emotion},{' '.join(map(str, drawing(seed).ravel()))},{usage}"


def fer2013_csv(path, header="emotion,pixels,Usage", per_part=7):
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [header]
    for place, usage in enumerate(("Training", "PublicTest", "PrivateTest")):
        rows += [fer2013_row(place * 100 + i, i % 7, usage) for i in range(per_part)]
    path.write_text("\n".join(rows) + "\n")
    return path


def fer2013_folders(root, parts=("train", "test"), each=2):
    seed = 0
    for part in parts:
        for name in CLASSES:
            for number in range(each):
                save(root / part / name / f"{name}_{number}.png", drawing(seed))
                seed += 1
    return root


def ck_sequence(root, subject, take, emotion=None, frames=5, facs=None, names=("Emotion", "FACS")):
    """One sequence of the official trees, with its codes where there are any."""
    where = f"{subject}/{take}"
    stem = f"{subject}_{take}"
    for number in range(1, frames + 1):
        seed = int(subject[1:]) * 10_000 + int(take) * 100 + number
        image = drawing(seed, 64)
        save(root / "cohn-kanade-images" / where / f"{stem}_{number:08d}.png", image)
    last = f"{stem}_{frames:08d}"
    for tree, kind, text in (
        (names[0], "emotion", None if emotion is None else f"   {emotion:.7e}\n"),
        (names[1], "facs", facs),
    ):
        if text is not None:
            file = root / tree / where / f"{last}_{kind}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)


def ckplus_tree(root, subjects=10, names=("Emotion", "FACS")):
    """Subjects S001, S002 and so on, each with all seven emotions and a sequence without one."""
    facs = "   1.0000000e+00   0.0000000e+00\n   2.5000000e+01   3.0000000e+00\n"
    for subject in range(1, subjects + 1):
        for take, emotion in enumerate(CK_EMOTIONS.values(), 1):
            ck_sequence(root, f"S{subject:03d}", f"{take:03d}", emotion, facs=facs, names=names)
        ck_sequence(root, f"S{subject:03d}", "008", None, facs=facs, names=names)
    return root


def ck48_tree(root, subjects=10):
    for subject in range(1, subjects + 1):
        for take, name in enumerate(CK_EMOTIONS, 1):
            for number in (15, 16, 17):
                seed = subject * 1000 + take * 100 + number
                file = f"S{subject:03d}_{take:03d}_{number:08d}.png"
                save(root / name / file, drawing(seed))
    return root


def jaffe_tree(root, women=("KA", "KL")):
    number = 1
    for woman in women:
        for code in ("AN", "DI", "FE", "HA", "NE", "SA", "SU"):
            save(root / f"{woman}.{code}1.{number}.tiff", drawing(number, 64))
            number += 1
    return root


def photographs_tree(root, count=6):
    rows = ["image,identity,expression"]
    for number in range(count):
        name = f"Some_Body_{number:04d}.jpg"
        save(root / name, cv2.cvtColor(drawing(number, 64), cv2.COLOR_GRAY2BGR))
        rows.append(f"{name},Some_Body_{number // 2},{'neutral' if number % 2 else 'happiness'}")
    (root / "labels.csv").write_text("\r\n".join(rows) + "\r\n")
    return root


def own_table(root, header, *rows, pictures=3):
    """my.csv with a0.png, a1.png and so on below sub/."""
    for number in range(pictures):
        save(root / "sub" / f"a{number}.png", drawing(number))
    path = root / "my.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def no_picture():
    raise AssertionError("nothing is decoded when folds are cut")


def clips(labels, subjects, frames=5, **more):
    """A table of sequences: each subject shows every label once."""
    samples = [
        Sample(
            f"{subject}/{label}/{frame}",
            no_picture,
            label=label,
            subject=subject,
            sequence=f"{subject}/{label}",
            frame=frame,
            frames=frames,
            **more,
        )
        for subject in subjects
        for label in labels
        for frame in range(frames)
    ]
    return Table("drawn", tuple(samples), cropped=True)
