"""Which people are learnt from and which are held out, of sets that say nothing about it."""

import hashlib
from typing import Final, Literal

People = Literal["train", "valid", "held out"]
_TENTHS: Final[dict[People, range]] = {
    "train": range(7),
    "valid": range(7, 8),
    "held out": range(8, 10),
}


def people(identity: str) -> People:
    """The part that a person's photographs are in: seven tenths, one tenth, two tenths.

    The first eight hexadecimal digits of SHA-256 of the identity, modulo ten, decide: 0..6 train,
    7 valid, 8 and 9 held out.
    """
    tenth = int(hashlib.sha256(identity.encode()).hexdigest()[:8], 16) % 10
    return next(part for part, tenths in _TENTHS.items() if tenth in tenths)
