"""What the tests of many trainings share: the command line, and a drawn set with folds."""

import cv2
import numpy as np

EMOTIONS = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
SUBJECTS = 12  # ten groups, two of them of two
SIDE = 16
N = SUBJECTS * len(EMOTIONS) * 3
SMALL = ("protocol=ckplus-7", "size=16", "epochs=1", "batch=16", "ema_decay=0.5")
"""Values that make of the recipe for CK+ one that takes a second a fold on this set."""


def make_ck48(root):
    """Three frames a subject and emotion in CK+48's layout; each emotion has its pattern."""
    rng = np.random.default_rng(5)
    patterns = rng.integers(0, 256, (len(EMOTIONS), 4, 4), dtype=np.uint8)
    for place, emotion in enumerate(EMOTIONS):
        (root / emotion).mkdir(parents=True)
        whole = cv2.resize(patterns[place], (SIDE, SIDE), interpolation=cv2.INTER_NEAREST)
        for subject in range(SUBJECTS):
            for frame in range(3):
                noisy = np.clip(whole + rng.normal(0, 12, whole.shape), 0, 255).astype(np.uint8)
                name = f"S{subject + 10:03d}_{place + 1:03d}_{frame + 15:08d}.png"
                assert cv2.imwrite(str(root / emotion / name), noisy)
    return root


def set_options(values=SMALL):
    return [word for value in values for word in ("--set", value)]


def complaint(err):
    """The one line of an error among the lines about progress."""
    (line,) = [line for line in err.splitlines() if line.startswith("ferdesk-train: ")]
    return line
