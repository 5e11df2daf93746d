"""The names of the ways from votes to labels, which recipes and commands share.

What they mean is in `trainer.datasets.protocols`; nothing heavy is imported for the names alone.
"""

from typing import Final, Literal, get_args

VoteProtocol = Literal["plurality", "majority"]
Protocol = Literal["plurality", "majority", "label"]
VoteRule = Literal["without_outliers", "all"]
PROTOCOLS: Final[tuple[Protocol, ...]] = get_args(Protocol)
VOTE_PROTOCOLS: Final[tuple[VoteProtocol, ...]] = get_args(VoteProtocol)
