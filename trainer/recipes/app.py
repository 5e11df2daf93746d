"""The nets that the app ships: trained for the best figures, not for a paper's table."""

from trainer.recipes.base import Recipe, add_recipe

PAPER = (
    "E. Barsoum, C. Zhang, C. Canton Ferrer, Z. Zhang. Training Deep Networks for Facial "
    "Expression Recognition with Crowd-Sourced Label Distribution. ICMI 2016."
)

COMPACT = add_recipe(
    Recipe(
        name="compact-votes",
        title="Compact net on FER+, from the votes alone",
        paper=PAPER,
        net="compact",
        dropout=0.2,
        lr=0.1,
        nesterov=True,
        weight_decay=5e-4,
        schedule="cosine",
        warmup_epochs=1,
        batch=128,
        epochs=40,
        ema_decay=0.998,
        scale=0.15,
        cutout=0.3,
    )
)

BROAD = add_recipe(
    COMPACT.model_copy(
        update={
            "name": "broad-votes",
            "title": "The compact net at twice the width, a teacher, from the votes alone",
            "net": "broad",
            "dropout": 0.3,
        }
    )
)
