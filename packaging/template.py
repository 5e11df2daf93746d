"""Writes the template of the window's texts for translators: make texts, docs/translating.md.

Nothing in it depends on the day, the machine or the version of a tool.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from ferdesk import resources
from ferdesk.core.aus import ACTION_UNITS
from ferdesk.core.labels import EXPRESSIONS, UNSURE
from ferdesk.exports.formats import FORMATS
from ferdesk.faces.store import SETS, TROUBLES
from ferdesk.notices import NOTICES
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.table import TABLE, section_title
from ferdesk.sessions.library import CUT_OFF, WHOLE
from ferdesk.sessions.overview import UNKNOWN
from ferdesk.texts import DOMAIN

SOURCES: Final = Path(resources.__file__).parent
TEMPLATE: Final = resources.root() / "locale" / f"{DOMAIN}.pot"

_CALLS: Final = {"tr": {1: (1,), 2: (1, (2, "c"))}, "trn": (1, 2)}
"""Which arguments are texts, by how many there are; "c" marks a context."""

_HEADER: Final = r"""# The texts of ferdesk's window. Written by: make texts
msgid ""
msgstr ""
"Project-Id-Version: ferdesk\n"
"MIME-Version: 1.0\n"
"Content-Type: text/plain; charset=utf-8\n"
"Content-Transfer-Encoding: 8bit\n"

"""


def template() -> str:
    """All texts: those that the sources name, and those that stand in tables."""
    catalog = Catalog()
    found = extract_from_dir(SOURCES, [("**.py", "python")], keywords=_CALLS)
    for path, _, text, _, context in found:
        catalog.add(text, locations=[(f"ferdesk/{path}", 0)], context=context)
    for path, text in tabled():
        if text:
            catalog.add(text, locations=[(path, 0)])
    written = io.BytesIO()
    # Without numbers of lines, which change more often than texts do.
    write_po(written, catalog, omit_header=True, sort_output=True, include_lineno=False)
    return _HEADER + written.getvalue().decode()


def tabled() -> Iterator[tuple[str, str]]:
    """Texts that `tr` is given by name, with where they stand."""
    for label in (*EXPRESSIONS, UNSURE, "unknown"):
        yield "ferdesk/core/labels.py", label
    for unit in ACTION_UNITS:
        yield "ferdesk/core/aus.py", unit.name
        yield "ferdesk/core/aus.py", unit.muscles
    for row in TABLE.values():
        texts: list[str] = []
        row.translated(lambda text, texts=texts: texts.append(text) or text)
        for text in texts:
            yield "ferdesk/preferences/table.py", text
    for section in Preferences.model_fields:
        yield "ferdesk/preferences/model.py", section_title(section)
    for notice in NOTICES:
        yield "ferdesk/notices.py", notice.heading
        yield "ferdesk/notices.py", notice.text
    for form in FORMATS.values():
        yield "ferdesk/exports/formats.py", form.title
    for text in (*(one.title for one in SETS), *TROUBLES):
        yield "ferdesk/faces/store.py", text
    for text in (WHOLE, CUT_OFF):
        yield "ferdesk/sessions/library.py", text
    yield "ferdesk/sessions/overview.py", UNKNOWN


if __name__ == "__main__":
    TEMPLATE.parent.mkdir(exist_ok=True)
    TEMPLATE.write_text(template(), encoding="utf-8")
