"""The four ways to learn from ten votes that FER+'s paper compares, with its net.

The rate, the batch, the epochs and the ranges of the augmentation are this project's, and the same
for all four, so that only the loss differs. `trainer.losses` has the four.
"""

from typing import Final

from trainer.recipes.base import Loss, Recipe, add_recipe

PAPER: Final = (
    "E. Barsoum, C. Zhang, C. Canton Ferrer, Z. Zhang. Training Deep Networks for Facial "
    "Expression Recognition with Crowd-Sourced Label Distribution. ICMI 2016."
)


def _row(name: str, title: str, loss: Loss, published: float | None = None) -> None:
    add_recipe(
        Recipe(
            name=f"barsoum2016-{name}",
            title=f"Custom VGG13 on FER+, {title}",
            paper=PAPER,
            table="barsoum2016/table1",
            published=published,
            net="custom-vgg13",
            loss=loss,
            dropout=0.5,
            optimiser="sgd",
            lr=0.01,
            batch=128,
            weight_decay=1e-6,
            schedule="cosine",
            epochs=20,  # as the other nets that are compared on FER+
            brightness=0.0,  # affine changes only, as with the other nets that are compared
            contrast=0.0,
            gamma=0.0,
        )
    )


_row("majority", "majority voting", "majority")
_row("multi-target", "multi-label learning", "multi_target")
_row("probability", "probabilistic label drawing", "probability")
_row("cross-entropy", "cross-entropy with the votes", "cross_entropy", 0.8499)
