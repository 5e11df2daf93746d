"""Ali and Hughes 2020 (DE-GAN): the GANs, the nets on their encoders, and a plain CNN beside them.

Faces that carry an identity and an expression can be learnt from too (`faces`), which the paper
does not have; those recipes are for 64 pixels and a CPU.
"""

from typing import Any, Final

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from trainer.recipes.base import Recipe, Training, add_recipe, overridden
from trainer.registry import Registry

PAPER: Final = (
    "K. Ali, C. E. Hughes. Facial Expression Representation Learning by Synthesizing Expression "
    "Images. ICIP 2020."
)
NET: Final = "ali2020"
CNN: Final = "ali2020-cnn"
HALF_NET: Final = "ali2020-half"
HALF_CNN: Final = "ali2020-cnn-half"


class GanRecipe(Training):
    """How a DE-GAN is trained. Its defaults, and `Training`'s, are what recipes share."""

    dataset: str
    protocol: str = ""
    """Whose train part is learnt from; "" for all pictures of a set without a protocol."""
    fold: NonNegativeInt = 0
    weights: str = ""
    """The run of a GAN that this one goes on from; its identities may be others. "" is fresh."""
    epochs: PositiveInt = 300
    least_images: PositiveInt = Field(default=2, ge=2)
    """An identity with fewer pictures is not learnt."""
    noise: PositiveInt = 50
    """How many numbers z has."""

    passes: PositiveInt = 110
    """How many variants of each picture an epoch shows; with 110 each of the paper's once."""
    g_steps: PositiveInt = 4
    """Steps of the generator for one of the discriminator, once that is near its optimum."""
    near_optimum: float = Field(default=0.9, gt=0, le=1)
    """Share of pictures told apart, real from generated, from which it counts as near."""
    pinned_at: float = Field(default=0.999, gt=0, le=1)
    """The same share over an epoch from which the generator counts as lost."""
    patience: PositiveInt = 5
    """After so many epochs on end in which it is, the training stops."""

    spectral_norm: bool = False
    """Divide the discriminator's weights by their largest singular value, in place of its batch
    normalisation (Miyato et al., ICLR 2018)."""
    real_target: float = Field(default=1.0, gt=0.5, le=1)
    """How sure the discriminator shall be that a real picture is real: below 1, one-sided label
    smoothing (Salimans et al., NIPS 2016, section 3.4)."""
    d_rate: PositiveFloat = 1.0
    """The discriminator's learning rate in parts of the generator's (Heusel et al., NIPS 2017)."""
    samples_every: PositiveInt = 5
    """Epochs between two grids of pictures."""

    def override(self, changes: dict[str, str]) -> "GanRecipe":
        """As `Recipe.override`."""
        return overridden(self, self.model_dump(), changes, "recipe")


GAN_RECIPES: Final[Registry[GanRecipe]] = Registry("recipe")

# Section 4.1. What the paper's text leaves open is settled as in DCGAN, to which it points.
_ADAM: Final[dict[str, Any]] = {
    "paper": PAPER,
    "optimiser": "adam",
    "lr": 1e-4,
    "momentum": 0.5,
    "weight_decay": 0.0,
    "batch": 150,
    "augmentation": "patches",
}
_GAN: Final[dict[str, Any]] = {
    **_ADAM,
    "net": NET,
    "size": 96,
    "epochs": 300,
    "dropout": 0.0,
    "ema_decay": 0.999,
}
_STAGE2: Final[dict[str, Any]] = {
    **_ADAM,
    "size": 96,
    "epochs": 50,
    "passes": 110,
    "dropout": 0.5,
    "ema_decay": 0.99,
}


def _add_gan(recipe: GanRecipe) -> None:
    GAN_RECIPES.add(recipe.name, recipe)


_add_gan(
    GanRecipe(
        **{**_GAN, "passes": 1},  # its frames are their own augmentation: 60,600 of 606 clips
        name="ali2020-gan-bu4dfe",
        title="DE-GAN on BU-4DFE, to go on from",
        dataset="bu4dfe",
    )
)
for _name, _title, _protocol, _table, _published, _baseline in (
    ("ckplus", "CK+, seven classes", "ckplus-7", "table1", 0.9736, 0.9034),
    ("mmi", "MMI, six classes", "mmi", "table2", 0.7298, 0.5846),
    ("oulu", "Oulu-CASIA, six classes", "oulu", "table3", 0.8924, 0.7314),
):
    _add_gan(
        GanRecipe(
            **_GAN,
            name=f"ali2020-gan-{_name}",
            title=f"DE-GAN on {_title}",
            dataset=_name,
            protocol=_protocol,
        )
    )
    _row: dict[str, Any] = {
        **_STAGE2,
        "table": f"ali2020/{_table}",
        "dataset": _name,
        "protocol": _protocol,
    }
    add_recipe(
        Recipe(
            **_row,
            name=f"ali2020-{_name}",
            title=f"Local CNNs on DE-GAN's encoder, {_title}",
            published=_published,
            net=NET,
            gan=f"ali2020-gan-{_name}",
            freeze="encoder",
        )
    )
    add_recipe(
        Recipe(
            **_row,
            name=f"ali2020-{_name}-cnn",
            title=f"A plain CNN of the encoder's shape, {_title}",
            published=_baseline,
            net=CNN,
        )
    )

# Not in the paper: photographs of many people, most of them with one picture, at what a CPU does in
# an hour.
_FACES: Final[dict[str, Any]] = {"dataset": "faces", "protocol": "faces", "size": 64}
_QUICK: Final[dict[str, Any]] = {
    **_GAN,
    **_FACES,
    "net": HALF_NET,
    "least_images": 8,
    "batch": 32,
    "passes": 1,
    "epochs": 300,
    "ema_decay": 0.995,
    "patience": 10,
    "samples_every": 10,
}
_add_gan(
    GanRecipe(**_QUICK, name="ali2020-gan-faces", title="DE-GAN on photographs, as in the paper")
)
_add_gan(
    GanRecipe(
        **_QUICK,
        name="ali2020-gan-faces-steady",
        title="DE-GAN on photographs, its discriminator held back",
        spectral_norm=True,
        real_target=0.9,
        d_rate=2.0,
    )
)
for _net, _name, _title in (
    (HALF_NET, "ali2020-faces", "Local CNNs on DE-GAN's encoder, photographs"),
    (HALF_CNN, "ali2020-faces-cnn", "A plain CNN of the encoder's shape, photographs"),
):
    add_recipe(
        Recipe(
            **{**_STAGE2, **_FACES, "batch": 50, "passes": 1, "epochs": 30},
            name=_name,
            title=_title,
            net=_net,
            gan="ali2020-gan-faces" if _net == HALF_NET else "",
            freeze="encoder" if _net == HALF_NET else "",
        )
    )
