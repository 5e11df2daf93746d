"""What everybody should know before the first picture; docs/data.md says the same words."""

from typing import Final, NamedTuple


class Notice(NamedTuple):
    """A paragraph under a heading, both plain text."""

    heading: str
    text: str


PRIVACY: Final = Notice(
    "Everything stays on this machine",
    "Pictures are analysed here and forgotten. Nothing is uploaded, nothing is counted, no account "
    "is needed. What you record or export lies in your own folders, and other programs get values "
    "only after you switch an output on. Film people who know of it and agree to it.",
)

MEANING: Final = Notice(
    "What a label can and cannot say",
    "The nets tell which expression people would name when they see a face. They do not tell what "
    "the person feels. Agreement between people is limited too, and the pictures that the nets "
    "learnt from are not balanced over age, skin or culture.",
)

LAW: Final = Notice(
    "Where the use is forbidden or restricted",
    "In the European Union, using such a program to infer emotions of people at work or in "
    "education is prohibited except for medical or safety reasons (Regulation (EU) 2024/1689, "
    "article 5(1)(f)). Where it may be used there, the people it is used on must be told, and the "
    "law on personal data holds (article 50(3)). Other countries have rules of their own.",
)

NOTICES: Final = (PRIVACY, MEANING, LAW)
"""In the order in which they are shown."""
