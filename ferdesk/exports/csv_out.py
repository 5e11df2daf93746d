"""Writes tables: CSV, and the file beside it that says what its columns mean."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Final

import ferdesk
from ferdesk.exports.base import Column
from ferdesk.sessions.readings import SessionMeta

DESCRIPTION_ENDING: Final = "-metadata.json"
"""Where the standard looks for the description of a table: after the table's whole name."""

_AT_ONCE: Final = 64  # rows


def write_csv(file: BinaryIO, columns: Sequence[Column], rows: Iterable[Iterable[str]]) -> None:
    """Write a table, its names in the first line; UTF-8, lines end with a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.name for column in columns)
    for number, row in enumerate(rows):
        writer.writerow(row)
        if number % _AT_ONCE == 0:
            _flush(text, file)
    _flush(text, file)


def describe(name: str, columns: Sequence[Column], meta: SessionMeta, title: str) -> bytes:
    """The description of a table: W3C's Metadata Vocabulary for Tabular Data (CSVW), as JSON.

    Args:
        name: of the table's file, which lies beside the description.
        columns: what it has.
        meta: of the session.
        title: of the format.
    """
    document = {
        "@context": ["http://www.w3.org/ns/csvw", {"@language": "en"}],
        "url": name,
        "dc:title": f"{meta.source}: {title}",
        "dc:creator": f"ferdesk {ferdesk.__version__}",
        "dc:date": meta.started.isoformat(),
        "dc:description": f"Action units: {meta.au_scale}. Estimated by: "
        f"{meta.au_estimator or 'nothing'}. Expressions judged by: {meta.bundle or 'unknown'}.",
        "dc:rights": meta.consent or "No consent is noted.",
        "dialect": {"encoding": "utf-8", "delimiter": ",", "header": True},
        "tableSchema": {
            "columns": [
                {
                    "name": column.name,
                    "titles": column.name,
                    "datatype": column.datatype,
                    "dc:description": column.meaning,
                }
                for column in columns
            ]
        },
    }
    return json.dumps(document, indent=2, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def _flush(text: io.StringIO, file: BinaryIO) -> None:
    file.write(text.getvalue().encode("utf-8", "replace"))
    text.seek(0)
    text.truncate()
