"""How often the generator is updated, and when it is lost: both by what D is measured to do.

K. Ali, C. E. Hughes. "Facial Expression Representation Learning by Synthesizing Expression Images."
ICIP 2020. Section 4.1: once D reaches a near optimal solution, G is updated more often than D.
"""

from dataclasses import dataclass
from typing import Final

from torch import Tensor

from trainer.gan.nets import FAKE
from trainer.recipes.ali2020 import GanRecipe

_KEEP: Final = 0.9  # of the running share: it looks back over about ten steps


@dataclass(slots=True)
class Balance:
    """How far D is, from step to step and from epoch to epoch.

    Attributes:
        running: share of pictures told apart, real from generated, over the last steps; 0.5 is
            guessing.
        pinned: epochs on end in which D told them all apart.
    """

    running: float = 0.5
    pinned: int = 0

    def g_steps(self, recipe: GanRecipe) -> int:
        """How many steps the generator takes now for one of the discriminator."""
        return recipe.g_steps if self.running >= recipe.near_optimum else 1

    def add_step(self, told_apart: float) -> None:
        """Take a step's share into the running one."""
        self.running = _KEEP * self.running + (1 - _KEEP) * told_apart

    def add_epoch(self, told_apart: float, recipe: GanRecipe) -> None:
        """Count an epoch in which the generator fooled nobody, or begin anew."""
        self.pinned = self.pinned + 1 if told_apart >= recipe.pinned_at else 0

    def lost(self, recipe: GanRecipe) -> bool:
        """Whether the generator has fooled nobody for too long."""
        return self.pinned >= recipe.patience


def told_apart(real: Tensor, fake: Tensor) -> Tensor:
    """The share of pictures that D takes for what they are, half of them real: a scalar, 0..1.

    Args:
        real: (n, 9) logits on expressions of real pictures.
        fake: (n, 9) of generated ones.
    """
    right = (real.argmax(1) != FAKE).float().mean() + (fake.argmax(1) == FAKE).float().mean()
    return right / 2
