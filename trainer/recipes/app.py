"""The nets that the app ships: trained for the best figures, not for a paper's table."""

from trainer.recipes.base import Recipe, add_recipe

PAPER = (
    "E. Barsoum, C. Zhang, C. Canton Ferrer, Z. Zhang. Training Deep Networks for Facial "
    "Expression Recognition with Crowd-Sourced Label Distribution. ICMI 2016."
)

add_recipe(
    Recipe(
        name="compact-votes",
        title="Compact net on FER+, from the votes alone",
        paper=PAPER,
        net="compact",
        dropout=0.2,
        lr=0.06,
        nesterov=True,
        weight_decay=1e-4,
        schedule="cosine",
        warmup_epochs=1,
        batch=48,
        epochs=30,
        ema_decay=0.999,
        # What undoes itself under normalisation is left out, and so is cut-out: a net this small
        # does not learn its training pictures by heart.
        brightness=0.0,
        contrast=0.0,
        gamma=0.0,
    )
)
