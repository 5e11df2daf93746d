"""The nets that the app ships: trained for the best figures, not for a paper's table."""

from typing import Any, Final

from trainer.recipes.base import Recipe, add_recipe

PAPER = (
    "E. Barsoum, C. Zhang, C. Canton Ferrer, Z. Zhang. Training Deep Networks for Facial "
    "Expression Recognition with Crowd-Sourced Label Distribution. ICMI 2016."
)

WIDE = "S. Zagoruyko, N. Komodakis. Wide Residual Networks. BMVC 2016."

_SHARED: Final[dict[str, Any]] = {
    "nesterov": True,
    "warmup_epochs": 1,
    # What undoes itself under normalisation is left out, and so is cut-out: nets this small, or so
    # few epochs, do not learn their training pictures by heart.
    "brightness": 0.0,
    "contrast": 0.0,
    "gamma": 0.0,
}

_votes = add_recipe(
    Recipe(
        name="compact-votes",
        title="Compact net on FER+, from the votes alone",
        paper=PAPER,
        net="compact",
        dropout=0.2,
        lr=0.06,
        weight_decay=1e-4,
        schedule="cosine",
        batch=48,
        epochs=30,
        **_SHARED,
    )
)

add_recipe(
    _votes.model_copy(
        update={
            "name": "compact-taught",
            "title": "Compact net on FER+, from the votes and other nets' answers",
            "paper": (
                "G. Hinton, O. Vinyals, J. Dean. Distilling the Knowledge in a Neural Network. "
                "2015."
            ),
            # These three together are right more often on valid than any of them, or than all with
            # the zero-bias CNN.
            "teachers": ("@kyritsis-wrn-28-4", "@kyritsis-resnet18", "@compact-votes"),
            "dropout": 0.1,
            "epochs": 100,
            "small_size": 32,
            "small_epochs": 65,
        }
    )
)

# A Wide ResNet 28-4 costs over five times as much an image as 10-4, so most of what it learns it
# learns while it is that one.
_shallow = add_recipe(
    Recipe(
        name="wide-shallow",
        title="Wide ResNet 10-4 on FER+, to be deepened",
        paper=WIDE,
        net="wrn-10-4",
        dropout=0.0,
        lr=0.06,
        weight_decay=5e-4,
        schedule="constant",  # the rate falls once the net is deep
        batch=64,
        epochs=14,
        teachers=("compact-ferplus",),
        small_size=32,
        small_epochs=14,
        **_SHARED,
    )
)

_deep = add_recipe(
    _shallow.model_copy(
        update={
            "name": "wide-deep",
            "title": "Wide ResNet 28-4 on FER+ at 32 x 32, begun as 10-4",
            "net": "wrn-28-4",
            "weights": "@wide-shallow",
            "dropout": 0.1,
            "schedule": "cosine",
            "warmup_epochs": 0.5,
            "epochs": 5,
            "small_epochs": 5,
        }
    )
)

add_recipe(
    _deep.model_copy(
        update={
            "name": "wide-ferplus",
            "title": "Wide ResNet 28-4 on FER+, begun as 10-4 on smaller pictures",
            "weights": "@wide-deep",
            "lr": 0.02,
            "warmup_epochs": 0.1,
            "epochs": 1,
            "small_size": 0,
            "small_epochs": 0,
        }
    )
)
