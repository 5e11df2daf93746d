"""The formats that a session is exported to."""

from pathlib import Path
from types import MappingProxyType
from typing import Final

from ferdesk.core.errors import OutputError
from ferdesk.exports import elan, native, openface, pyfeat, report, vtt
from ferdesk.exports.base import Format, Place
from ferdesk.exports.csv_out import DESCRIPTION_ENDING, describe
from ferdesk.exports.saving import whole_file
from ferdesk.exports.spans import LEAST_S
from ferdesk.sessions.session import Session

FORMATS: Final = MappingProxyType(
    {
        "ferdesk": Format(
            "ferdesk's table (CSV)", ".csv", native.write_table, native.left_out, native.columns
        ),
        "parquet": Format(
            "ferdesk's table (Parquet)", ".parquet", native.write_parquet, native.left_out
        ),
        "pyfeat": Format(
            "py-feat's table (CSV)", ".csv", pyfeat.write_table, pyfeat.left_out, pyfeat.columns
        ),
        "openface": Format(
            "OpenFace 2's table (CSV)",
            ".csv",
            openface.write_table,
            openface.left_out,
            openface.columns,
        ),
        "vtt": Format("captions (WebVTT)", ".vtt", vtt.write_captions, vtt.left_out),
        "elan": Format("annotations for ELAN (EAF)", ".eaf", elan.write_eaf, elan.left_out),
        "report": Format("a report to read (HTML)", ".html", report.write_report, report.left_out),
    }
)


def export(session: Session, name: str, path: Path, least_s: float = LEAST_S) -> tuple[str, ...]:
    """Write a session in another format; a file of an earlier run is replaced.

    Tables get a description of their columns beside them, `<file>-metadata.json`.

    Args:
        session: what to export; it may still be recorded.
        name: in `FORMATS`.
        path: the file.
        least_s: in spans of time, an expression shown for less joins the one before.

    Returns:
        What of the session has no home in the format.

    Raises:
        OutputError: no such format, a library is missing, or a file cannot be written.
        SessionError: the session is damaged.
    """
    if name not in FORMATS:
        raise OutputError(f"There is no format {name!r}. There are: {', '.join(FORMATS)}.")
    chosen = FORMATS[name]
    with whole_file(path) as file:
        chosen.write(session, file, Place(path, session.video, least_s))
    if chosen.columns is not None:
        described = describe(path.name, chosen.columns(session), session.meta, chosen.title)
        with whole_file(path.with_name(path.name + DESCRIPTION_ENDING)) as file:
            file.write(described)
    return chosen.left_out(session)
