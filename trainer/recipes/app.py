"""The nets that the app ships: trained for the best figures, not for a paper's table."""

from trainer.recipes.base import Recipe, add_recipe

PAPER = (
    "E. Barsoum, C. Zhang, C. Canton Ferrer, Z. Zhang. Training Deep Networks for Facial "
    "Expression Recognition with Crowd-Sourced Label Distribution. ICMI 2016."
)

_votes = add_recipe(
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
