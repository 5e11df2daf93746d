"""Random changes to a batch of faces, made in torch on whichever device the batch is on.

All random numbers come from one seeded CPU generator, in a fixed order, so that a training repeats
itself on every device. Works on grey levels 0..255, before `ferdesk.core.preprocess.normalise`.
Normalisation undoes a change of brightness or contrast unless something was clipped to the range;
the gamma curve is what it cannot undo.
"""

import math
from typing import Final

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional

from trainer.recipes.base import Training

PATCH_ANGLES: Final = (0, -15, -12, -9, -6, -3, 3, 6, 9, 12, 15)
"""Degrees; positive turns the face clockwise as seen."""
PATCH_PLACES: Final = ((0, 0), (-1, -1), (1, -1), (-1, 1), (1, 1))
"""The centre and the corners, in units of PATCH_SHIFT, x to the right and y down."""
PATCH_SHIFT: Final = 1 / 12
"""Of a corner from the centre in both directions, in parts of the side: 8 of 96 pixels."""
PATCHES: Final = len(PATCH_PLACES) * len(PATCH_ANGLES) * 2

_WHITE = 255.0


def draw(n: int, generator: Generator) -> Tensor:
    """The random numbers of a batch: (n, 11) in 0..1, one row an image, one column a decision.

    The last column is not for `augment`, but for `trainer.losses.batch_targets`.

    Args:
        n: images in the batch.
        generator: on the CPU; advanced by the same amount whatever the recipe's ranges are.
    """
    return torch.rand(n, 11, generator=generator)


def mirrors(recipe: Training, u: Tensor) -> Tensor:
    """Which of the faces `augment` mirrors: (n,) bool, on the CPU."""
    if recipe.augmentation == "patches":
        return _patch_numbers(u) % 2 == 1
    return u[:, 4] < recipe.flip


def _patch_numbers(u: Tensor) -> Tensor:
    return (u[:, 0] * PATCHES).long()


def augment(
    batch: Tensor, recipe: Training, u: Tensor, size: int | None = None, part: float = 1.0
) -> Tensor:
    """Move, turn, scale, mirror, re-light and blank faces at random.

    Args:
        batch: (n, 1, height, width) float32, 0..255.
        recipe: the ranges; those of zero leave the batch as it is.
        u: what `draw` gave, on the CPU.
        size: side of the patches that come out, sampled in the same step; the batch's unless given.
        part: how much of the pictures' side, about their middle, a patch that is not moved shows.

    Returns:
        (n, 1, size, size), same type, device and range.
    """
    if recipe.augmentation == "patches":
        theta = patch_maps(_patch_numbers(u))
        return warp(batch, theta.to(batch.device) * part, size)
    signed = 2 * u - 1
    theta = inverse_affine(
        angle=signed[:, 0] * math.radians(recipe.rotation_deg),
        scale=1 + signed[:, 1] * recipe.scale,
        shift=signed[:, 2:4] * recipe.translation,
        mirror=mirrors(recipe, u),
    )
    moved = warp(batch, theta.to(batch.device) * part, size)
    lit = relight(
        moved,
        gamma=(signed[:, 5] * recipe.gamma).exp().to(batch.device),
        contrast=(1 + signed[:, 6] * recipe.contrast).to(batch.device),
        brightness=(signed[:, 7] * recipe.brightness).to(batch.device),
    )
    if recipe.cutout:
        return cut_out(lit, u[:, 8:10].to(batch.device), recipe.cutout)
    return lit


def patch_maps(numbers: Tensor) -> Tensor:
    """The 110 variants of a picture: five places, eleven angles, and their mirror images.

    K. Ali, C. E. Hughes. "Facial Expression Representation Learning by Synthesizing Expression
    Images." ICIP 2020. Section 4.1. The paper cuts 96 x 96 patches from the centre and the four
    corners of pictures whose size it does not give. Here the centre is the patch as the app cuts
    it, and the corners lie a twelfth of its side away.

    Args:
        numbers: (n,) int64, 0..109; 0 leaves a picture as it is.

    Returns:
        (n, 2, 3) float32, for `warp`.
    """
    angles, places = torch.tensor(PATCH_ANGLES), torch.tensor(PATCH_PLACES)
    rest = numbers // 2
    return inverse_affine(
        angle=angles[rest % len(PATCH_ANGLES)] * math.radians(1),
        scale=torch.ones(len(numbers)),
        # The face moves the other way than the place that is cut out.
        shift=-PATCH_SHIFT * places[rest // len(PATCH_ANGLES)],
        mirror=numbers % 2 == 1,
    )


def mix(x: Tensor, targets: Tensor, alpha: float, generator: Generator) -> tuple[Tensor, Tensor]:
    """Mix each picture and its target with the next one's (Zhang et al., ICLR 2018, eq. 1).

    Args:
        x: (n, 1, height, width) float, normalised.
        targets: (n, 8).
        alpha: of the Beta distribution; one share is drawn for the batch.
        generator: on the CPU; advanced by one number.
    """
    seed = int(torch.randint(2**31, (1,), generator=generator))
    share = float(np.random.default_rng(seed).beta(alpha, alpha))
    return x.lerp(x.roll(1, 0), 1 - share), targets.lerp(targets.roll(1, 0), 1 - share)


def inverse_affine(angle: Tensor, scale: Tensor, shift: Tensor, mirror: Tensor) -> Tensor:
    """The maps that `affine_grid` wants: from places in the new picture to the old one's.

    Args:
        angle: (n,) radians; positive turns the face clockwise as seen.
        scale: (n,) above 1 makes the face larger.
        shift: (n, 2) in parts of the side, x to the right and y down, moves the face that way.
        mirror: (n,) bool, exchanges left and right before all else.

    Returns:
        (n, 2, 3) float32 in affine_grid's units, where the picture spans -1..1.
    """
    cos, sin = angle.cos() / scale, angle.sin() / scale
    # new = R S M old + t, so old = M S^-1 R^T (new - t)
    linear = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)
    sign = torch.where(mirror, -1.0, 1.0)
    linear = torch.stack([linear[:, 0] * sign[:, None], linear[:, 1]], 1)
    offset = -(linear @ (2 * shift)[:, :, None])
    return torch.cat([linear, offset], dim=2)


def warp(batch: Tensor, theta: Tensor, size: int | None = None) -> Tensor:
    """Sample each picture through its map, at its own size or another; outside, the border repeats.

    Args:
        batch: (n, 1, height, width) float32.
        theta: (n, 2, 3) as `inverse_affine` gives it.
        size: side of the square patches that come out; the batch's own shape unless given.
    """
    shape = [*batch.shape[:2], size, size] if size else list(batch.shape)
    grid = functional.affine_grid(theta, shape, align_corners=False)
    return functional.grid_sample(
        batch, grid, mode="bilinear", padding_mode="border", align_corners=False
    )


def relight(batch: Tensor, gamma: Tensor, contrast: Tensor, brightness: Tensor) -> Tensor:
    """Bend, stretch and shift each picture's intensities, clipped to 0..255.

    Args:
        batch: (n, 1, height, width) float, 0..255.
        gamma: (n,) exponent of the intensity curve; 1 leaves it straight.
        contrast: (n,) factor around middle grey.
        brightness: (n,) added, in parts of the full range.
    """
    g, c, b = (v[:, None, None, None] for v in (gamma, contrast, brightness))
    curved = (batch.clamp(0, _WHITE) / _WHITE) ** g
    return ((curved - 0.5) * c + 0.5 + b).clamp(0, 1) * _WHITE


def cut_out(batch: Tensor, centre: Tensor, side: float) -> Tensor:
    """Blank a square of each picture with the picture's mean.

    Args:
        batch: (n, 1, height, width) float.
        centre: (n, 2) the square's middle, x and y, in parts of the picture, 0..1.
        side: the square's side in parts of the picture's.
    """
    height, width = batch.shape[2:]
    x = (torch.arange(width, device=batch.device) + 0.5) / width
    y = (torch.arange(height, device=batch.device) + 0.5) / height
    in_x = (x - centre[:, :1]).abs() <= side / 2
    in_y = (y - centre[:, 1:]).abs() <= side / 2
    inside = (in_y[:, :, None] & in_x[:, None, :])[:, None]
    return torch.where(inside, batch.mean(dim=(1, 2, 3), keepdim=True), batch)
