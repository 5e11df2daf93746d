"""DE-GAN's generator and its discriminator with two tasks.

K. Ali, C. E. Hughes. "Facial Expression Representation Learning by Synthesizing Expression Images."
ICIP 2020. Section 3.1, figure 2; for what it leaves open see `trainer.nets.ali2020`.
"""

from itertools import pairwise
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ferdesk.core.labels import EXPRESSIONS
from trainer.nets.ali2020 import FEATURES, SLOPE, Encoder, initialise, smallest_side

FAKE: Final = len(EXPRESSIONS)
"""The place of "generated" among the answers about expressions, after the eight."""
SPAN: Final = 3.0
"""Generated pictures lie between minus and plus this, in standard deviations of a patch."""
_KERNEL: Final = 4


class Answers(NamedTuple):
    """What the discriminator says of n pictures, as logits.

    Attributes:
        expression: (n, 9), the canonical eight and "generated". Expressions that a set does not
            have are kept, so that a GAN can go on with a set that has them; they are never right.
        identity: (n, identities).
    """

    expression: Tensor
    identity: Tensor


class Decoder(nn.Module):
    """G_de: from f(x), an identity's code and noise to a picture.

    Args:
        size: side of the patch in pixels, a multiple of 16.
        filters: of the encoder's four stages; the others mirror or repeat them.
        identities: length of the identity code.
        noise: length of z.

    Attributes:
        identities: as given.
        noise: as given.
    """

    def __init__(self, size: int, filters: tuple[int, ...], identities: int, noise: int) -> None:
        super().__init__()
        self.identities = identities
        self.noise = noise
        self._side = smallest_side(size)
        self.source = nn.Sequential(
            nn.Linear(FEATURES + identities + noise, filters[-1] * self._side**2, bias=False),
            nn.BatchNorm1d(filters[-1] * self._side**2),
            nn.ReLU(),
        )
        layers: list[nn.Module] = []
        for before, after in pairwise(filters[::-1]):
            layers += [_up(before, after), nn.BatchNorm2d(after), nn.ReLU()]
        self.picture = nn.Sequential(*layers, _up(filters[0], 1, bias=True), nn.Tanh())

    def forward(self, code: Tensor, identity: Tensor, noise: Tensor) -> Tensor:
        """Map (n, 350), one-hot (n, identities) and (n, noise) to (n, 1, size, size).

        The picture is in a patch's units as `ferdesk.core.preprocess.normalise` leaves them.
        """
        flat = self.source(torch.cat([code, identity, noise], 1))
        maps = flat.unflatten(1, (-1, self._side, self._side))
        picture: Tensor = self.picture(maps)
        return SPAN * picture


class Generator(nn.Module):
    """G: the encoder and the decoder.

    Args:
        size: side of the patch in pixels, a multiple of 16.
        filters: of the encoder's four stages; the others mirror or repeat them.
        identities: length of the identity code.
        noise: length of z.

    Raises:
        TrainError: `size` is not a positive multiple of 16.
    """

    def __init__(self, size: int, filters: tuple[int, ...], identities: int, noise: int) -> None:
        super().__init__()
        self.encoder = Encoder(size, filters)
        self.decoder = Decoder(size, filters, identities, noise)
        initialise(self)

    def forward(self, x: Tensor, identity: Tensor, noise: Tensor) -> Tensor:
        """The expression of x on the identity: (n, 1, size, size), in x's units.

        Args:
            x: (n, 1, size, size) float, normalised.
            identity: (n, identities) float, one-hot.
            noise: (n, noise) float.
        """
        picture: Tensor = self.decoder(self.encoder(x), identity, noise)
        return picture


class Discriminator(nn.Module):
    """D = [D_e, D_i]: which expression or generated, and who.

    Args:
        size: side of the patch in pixels, a multiple of 16.
        filters: of the encoder's four stages; the others mirror or repeat them.
        identities: how many there are.
        dropout: probability that one of the last maps' numbers is dropped.
        spectral: normalise weights by their largest singular value, and nothing by batches.

    Raises:
        TrainError: `size` is not a positive multiple of 16.
    """

    def __init__(
        self,
        size: int,
        filters: tuple[int, ...],
        identities: int,
        *,
        dropout: float,
        spectral: bool,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((1, *filters)):
            plain = spectral or before == 1  # the first layer has none in DCGAN either
            layers.append(nn.Conv2d(before, after, _KERNEL, stride=2, padding=1, bias=plain))
            if not plain:
                layers.append(nn.BatchNorm2d(after))
            layers.append(nn.LeakyReLU(SLOPE))
        self.features = nn.Sequential(*layers, nn.Flatten(), nn.Dropout(dropout))
        inputs = filters[-1] * smallest_side(size) ** 2
        self.expression = nn.Linear(inputs, FAKE + 1)
        self.identity = nn.Linear(inputs, identities)
        initialise(self)
        if spectral:
            for module in list(self.modules()):
                if isinstance(module, nn.Conv2d | nn.Linear):
                    spectral_norm(module)

    def forward(self, x: Tensor) -> Answers:
        """Judge (n, 1, size, size) float pictures, real or generated."""
        features = self.features(x)
        return Answers(self.expression(features), self.identity(features))


def _up(before: int, after: int, *, bias: bool = False) -> nn.ConvTranspose2d:
    """Doubles the side."""
    return nn.ConvTranspose2d(before, after, _KERNEL, stride=2, padding=1, bias=bias)
