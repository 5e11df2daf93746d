"""Khorrami et al. 2015: tables 1 to 3, and the same ablation on FER+, which is not in the paper.

The ablation leaves augmentation (A), dropout (D) or both out, and nothing else differs between its
rows. The paper gives no epochs and no ranges of the augmentation; the shared defaults have all five
kinds that it names. Averaging the weights is not in the paper, which has a constant rate and no
annealing: the average takes the noise of that rate out of the result. Its CK+ faces are boxes of a
detector, here they are the app's crops. The net keeps its eight outputs where a set has fewer
classes; an output without faces learns to stay low.
"""

from typing import Any, Final

from trainer.recipes.base import Recipe, add_recipe

PAPER: Final = (
    "P. Khorrami, T. L. Paine, T. S. Huang. Do Deep Neural Networks Learn Facial Action Units "
    "When Doing Expression Recognition? ICCV Workshops 2015."
)

_OWN: Final[dict[str, Any]] = {
    # Section 3.2; equal to the shared defaults, stated so that they stay.
    "lr": 0.01,
    "momentum": 0.9,
    "weight_decay": 1e-5,
    "batch": 64,
    "dropout": 0.5,
}
_STILL: Final[dict[str, Any]] = {
    "rotation_deg": 0.0,
    "scale": 0.0,
    "translation": 0.0,
    "flip": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "gamma": 0.0,
}
_ABLATION: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "plain": ("without augmentation and dropout", {**_STILL, "dropout": 0.0}),
    "d": ("with dropout, without augmentation", _STILL),
    "a": ("with augmentation, without dropout", {"dropout": 0.0}),
}


def _ablate(whole: Recipe, **published: float) -> None:
    """Enter a recipe with augmentation and dropout, and the three rows that lack something."""
    add_recipe(whole)
    for letter, (words, lacking) in _ABLATION.items():
        differing = {
            "name": f"{whole.name}-{letter}",
            "title": f"{whole.title}, {words}",
            "published": published.get(letter),
            **lacking,
        }
        add_recipe(Recipe(**{**whole.model_dump(), **differing}))


_ablate(
    Recipe(
        name="khorrami2015-ferplus",
        title="Zero-bias CNN on FER+",
        paper=PAPER,
        table="khorrami2015/ferplus-ablation",
        net="khorrami2015",
        size=48,  # FER+ images are 48 x 48; the paper's 96 x 96 would only blow them up
        **_OWN,
        ema_decay=0.9995,  # the last thousands of steps
        epochs=21,
        # Milder than the shared defaults: in so few epochs a net underfits, it does not overfit.
        rotation_deg=10.0,
        scale=0.1,
        translation=0.05,
        gamma=0.2,
    )
)
# Table 1. Of 4,178 images some seven tenths are learnt from in a fold, 46 batches.
_ablate(
    Recipe(
        name="khorrami2015-tfd",
        title="Zero-bias CNN on TFD",
        paper=PAPER,
        table="khorrami2015/table1",
        published=0.898,
        dataset="tfd",
        protocol="tfd",
        net="khorrami2015",
        size=96,
        **_OWN,
        epochs=60,
        ema_decay=0.99,
    ),
    plain=0.794,
    d=0.829,
    a=0.894,
)
# Table 2. Eight of ten groups of 1,308 images are about 16 batches, so that this is about a
# thousand steps, and the average reaches over the last hundred of them.
_ablate(
    Recipe(
        name="khorrami2015-ckplus8",
        title="Zero-bias CNN on CK+, eight classes",
        paper=PAPER,
        table="khorrami2015/table2",
        published=0.964,
        dataset="ckplus",
        protocol="ckplus-8",
        net="khorrami2015",
        size=96,
        **_OWN,
        epochs=60,
        ema_decay=0.99,
    ),
    plain=0.818,
    d=0.856,
    a=0.963,
)
# Table 3 has no ablation. Without the neutral first frames and contempt, 927 images.
add_recipe(
    Recipe(
        name="khorrami2015-ckplus6",
        title="Zero-bias CNN on CK+, six classes",
        paper=PAPER,
        table="khorrami2015/table3",
        published=0.983,
        dataset="ckplus",
        protocol="ckplus-6",
        net="khorrami2015",
        size=96,
        **_OWN,
        epochs=60,
        ema_decay=0.99,
    )
)
