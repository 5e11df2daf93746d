"""Recipes of action-unit nets, which learn from another estimator's answers."""

from typing import Final, Literal

from pydantic import Field

from trainer.recipes.base import Training, overridden
from trainer.registry import Registry

AuLoss = Literal["bce", "smooth_l1"]


class AuRecipe(Training):
    """How an action-unit net is trained. Its defaults, and `Training`'s, are what recipes share."""

    estimator: Literal["blendshapes"] = "blendshapes"
    """Whose activations are learnt."""
    loss: AuLoss = "bce"
    """How far an output is from its target: binary cross-entropy with the activation as
    probability, or smooth L1 (R. Girshick, "Fast R-CNN", ICCV 2015, equation 3)."""
    balance: float = Field(default=0.5, ge=0, le=1)
    """An output's weight is its targets' standard deviation to the power of minus twice this, so
    that units that seldom move are learnt as well; 0 weighs all alike."""
    shipped_from: float = Field(default=0.6, ge=0, le=1)
    """The correlation on unseen people from which a unit is exported."""

    def override(self, changes: dict[str, str]) -> "AuRecipe":
        """As `Recipe.override`."""
        return overridden(self, self.model_dump(), changes, "recipe")


AU_RECIPES: Final[Registry[AuRecipe]] = Registry("recipe")

AU_RECIPES.add(
    "au-distill",
    AuRecipe(
        name="au-distill",
        title="Action units of a small net, learnt from MediaPipe's blendshapes",
        paper=(
            "G. Hinton, O. Vinyals, J. Dean. Distilling the Knowledge in a Neural Network. NIPS "
            "Deep Learning Workshop 2014."
        ),
        net="au",
        dropout=0.1,
        optimiser="adamw",
        lr=2e-3,
        weight_decay=0.02,
        schedule="cosine",
        warmup_epochs=1,
        batch=64,
        epochs=12,
        ema_decay=0.998,
        # The app's crop is level to a few degrees and has its size from the eyes.
        rotation_deg=8.0,
        scale=0.1,
        translation=0.05,
        # What undoes itself under normalisation is left out.
        brightness=0.0,
        contrast=0.0,
        gamma=0.2,
    ),
)
