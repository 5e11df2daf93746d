"""The window's texts in the user's language: gettext's catalogues, English where there is none.

What is written down or read by programs stays English: labels in files, logs, the command line.
docs/translating.md says how a language is added.
"""

import gettext
import logging
import string
import struct
from functools import cache
from pathlib import Path
from typing import Final

from ferdesk import resources

DOMAIN: Final = "ferdesk"
"""Of the catalogues: LANGUAGE/LC_MESSAGES/ferdesk.mo below `catalogues()`."""

log = logging.getLogger(__name__)


def catalogues() -> Path:
    """The folder of the catalogues; it need not exist."""
    return resources.root() / "locale"


def tr(text: str, context: str = "") -> str:
    """A text in the user's language.

    One process speaks one language, so this may be called while modules are imported.

    Args:
        text: in English; with named fields such as {name} where `str.format` fills something in.
        context: tells it from the same text with another meaning; for translators.

    Returns:
        Its translation, with no other fields than the text's; the text where there is none.
    """
    if not text:
        return text  # a catalogue has its own description there
    known = _catalogue()
    found = known.pgettext(context, text) if context else known.gettext(text)
    return text if found == text else _sound(found, text, text)


def trn(one: str, many: str, n: int) -> str:
    """A text about a number of things, in the user's language.

    Args:
        one: in English, about one.
        many: in English, about any other number.
        n: how many; languages have rules of their own for it.
    """
    english = one if n == 1 else many
    try:
        found = _catalogue().ngettext(one, many, n)
    except ArithmeticError as error:  # the rule is the catalogue's, and computed
        log.warning("the plural rule of %s: %s", catalogues(), error)
        return english
    return english if found == english else _sound(found, english, one, many)


def language() -> str:
    """What the catalogue in use calls its language, such as "de"; empty for English."""
    return _catalogue().info().get("language", "")


@cache
def _catalogue() -> gettext.NullTranslations:
    """The user's, by LANGUAGE, LC_ALL, LC_MESSAGES and LANG."""
    try:
        return gettext.translation(DOMAIN, catalogues(), fallback=True)
    # Whatever gettext trips over in such a file.
    except (OSError, ValueError, LookupError, struct.error) as error:
        log.warning("a catalogue in %s cannot be read, English it is: %s", catalogues(), error)
        return gettext.NullTranslations()


@cache
def _sound(found: str, english: str, *like: str) -> str:
    """A translation, if it is filled in with what the texts it is like are; else the English."""
    wanted = set().union(*map(_fields, like))
    try:
        if _fields(found) <= wanted:
            return found
    except ValueError:
        pass
    log.warning("a translation of %r is not used, for its fields are others: %r", english, found)
    return english


def _fields(text: str) -> set[tuple[str, str | None, str | None]]:
    """What `str.format` would fill in, and how.

    Raises:
        ValueError: braces are not closed.
    """
    return {
        (name, conversion, spec)
        for _, name, spec, conversion in string.Formatter().parse(text)
        if name is not None
    }
