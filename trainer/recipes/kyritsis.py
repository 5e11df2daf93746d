"""Nets trained from scratch on FER+, a recipe a row of the thesis's table 7.1.

Where the thesis says nothing, and so does not bind: the momentum of SGD, the number of epochs, a
schedule (it gives one rate a net; here that is the first, and a cosine takes it to 0), how far
faces are moved, and dropout where it calls it not available (0 here). It does not say either
whether "decay" is of the weights or of the rate; it is taken as of the weights, but for the Wide
ResNet. Averaging the weights over the last steps is ours too.
"""

from typing import Any, Final

from trainer.recipes.base import Recipe, add_recipe

PAPER: Final = (
    "G. Kyritsis. Deep Models and Transfer Learning for Facial Emotion Recognition. Master thesis, "
    "EPFL."
)

AFFINE: Final[dict[str, Any]] = {
    # Scaling, rotation, translation and mirroring are all that the thesis names.
    "brightness": 0.0,
    "contrast": 0.0,
    "gamma": 0.0,
    "cutout": 0.0,
}


def _row(net: str, title: str, published: float | None, **differing: Any) -> None:
    shared: dict[str, Any] = {
        "batch": 128,  # with every net that the thesis gives values for
        "schedule": "cosine",
        "epochs": 20,  # enough to rank the nets on one machine; more should gain a little
        "dropout": 0.0,
        "weight_decay": 0.0,
    }
    add_recipe(
        Recipe(
            name=f"kyritsis-{net}",
            title=f"{title} on FER+",
            paper=PAPER,
            table="kyritsis/table7.1",
            published=published,
            net=net,
            **{**AFFINE, **shared, **differing},
        )
    )


# Section 7.1 takes this net and its 84.9 % from the paper of FER+ and states no way of training;
# that of the other VGG nets is used.
_row(
    "custom-vgg13", "Custom VGG13", 0.849, dropout=0.5, optimiser="sgd", lr=0.01, weight_decay=1e-6
)
# Sections 7.2 to 7.4.
_row("vgg13", "VGG13", 0.8445, optimiser="sgd", lr=0.01, weight_decay=1e-6)
_row("vgg16", "VGG16", 0.8443, optimiser="sgd", lr=0.01, weight_decay=1e-6)
_row("vgg19", "VGG19", 0.842, optimiser="sgd", lr=0.01, weight_decay=1e-6)
# Sections 7.5 to 7.7.
_row("resnet18", "ResNet18", 0.8257, optimiser="adam", lr=0.001)
_row("resnet34", "ResNet34", 0.8282, optimiser="adam", lr=0.001)
_row("resnet50", "ResNet50", 0.8237, optimiser="sgd", lr=0.001)
# In the table, but without a section; the dropout is the net's own (Szegedy et al. 2015), the rest
# as for the VGG nets.
_row("googlenet", "GoogLeNet", 0.3564, dropout=0.4, optimiser="sgd", lr=0.01, weight_decay=1e-6)
# Section 7.8: too expensive for the thesis, so that everything here is chosen. Batch normalisation
# bears a higher rate than the VGG nets'.
_row("densenet121", "DenseNet121", None, optimiser="sgd", lr=0.05, weight_decay=1e-5)
# Section 7.9: rate, batch and dropout. Its "decay" of 0 is not taken for the weights': 5e-4 belongs
# to the net (Zagoruyko and Komodakis, section 3). At 48 x 48 the net takes more work an image than
# any other here; it ends in global pooling, so that on a CPU most of the epochs can be at 32 x 32,
# in less than half the time each. The thesis's batch is 128; half of it doubles the steps that so
# few epochs have.
_row(
    "wrn-28-4",
    "Wide ResNet 28-4",
    0.863,
    optimiser="sgd",
    lr=0.1,
    batch=64,
    dropout=0.3,
    weight_decay=5e-4,
    nesterov=True,
    warmup_epochs=1,
    epochs=24,
    small_size=32,
    small_epochs=18,
)
