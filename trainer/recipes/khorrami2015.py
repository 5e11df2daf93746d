"""Khorrami et al. 2015, section 3.2: on FER+, which the paper does not have, and on its CK+."""

from typing import Final

from trainer.recipes.base import Recipe, add_recipe

PAPER: Final = (
    "P. Khorrami, T. L. Paine, T. S. Huang. Do Deep Neural Networks Learn Facial Action Units "
    "When Doing Expression Recognition? ICCV Workshops 2015."
)

add_recipe(
    Recipe(
        name="khorrami2015-ferplus",
        title="Zero-bias CNN on FER+",
        paper=PAPER,
        net="khorrami2015",
        size=48,  # FER+ images are 48 x 48; the paper's 96 x 96 would only blow them up
        # The paper's own, section 3.2; equal to the shared defaults, stated so that they stay.
        lr=0.01,
        momentum=0.9,
        weight_decay=1e-5,
        batch=64,
        dropout=0.5,
        # Not in the paper, which uses a constant rate and no annealing: averaging the weights of
        # the last thousands of steps takes the noise of that rate out of the result.
        ema_decay=0.9995,
        epochs=21,
        # Milder than the shared defaults: in so few epochs a net underfits, it does not overfit.
        rotation_deg=10.0,
        scale=0.1,
        translation=0.05,
        gamma=0.2,
    )
)

# Table 2, the row with augmentation and dropout. The paper gives no ranges of the augmentation; the
# shared defaults have all five kinds that it names.
add_recipe(
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
        lr=0.01,
        momentum=0.9,
        weight_decay=1e-5,
        batch=64,
        dropout=0.5,
        # Not in the paper. Eight of ten groups of 1,308 images are about 16 batches, so that this
        # is about a thousand steps, and the average reaches over the last hundred of them.
        epochs=60,
        ema_decay=0.99,
    )
)
