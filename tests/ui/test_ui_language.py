"""The window in a language that nobody speaks: whatever is not in its brackets was forgotten."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from material import ROOT

TEMPLATE = ROOT / "resources" / "locale" / "ferdesk.pot"
HERE = Path(__file__).parent

# What a module is called by cannot change once it is imported: so the language is there before.
PROGRAM = """
import sys
from pathlib import Path
import platformdirs
from ferdesk import resources, texts

folder = Path(sys.argv[1])
texts.catalogues = lambda: folder / "locale"
resources.user_data = lambda: folder / "data"
platformdirs.user_documents_path = lambda: folder
import foreign_window

foreign_window.walk(folder, folder / "seen.json")
"""

BRACKETED = re.compile(r"⟦[^⟦⟧]*⟧")
LETTER = re.compile(r"[^\W\d_]")

LEFT = (
    # Keys, codes of action units, and units of measurement.
    r"\b[A-Z]\b|\bF\d+\b",
    r"\bAU\d+\b",
    r"\b(ms|fps)\b|\b\d+x\d+\b|%p%",
    # Files and addresses.
    r"[\w.-]+\.(ferdesk|mp4|png|json|tflite|com)\b",
    # Names: of bundles, of sets of face models, of what the fakes pretend to be.
    r"\b(compact-ferplus|khorrami2015-ferplus|wide-ferplus)\b",
    r"\b(au-native|au-svm-native|au-svm-blendshapes)\b",
    r"\b(landmarker|classic|openvino)\b",
    r"\b(Fake camera|Webcam|fake-net|fake (faces|engine|units|svms)|anna|bob|others)\b",
    # What the user typed, or may type: the file of settings has it in these words.
    r"\b(laughs|words)\b",
    r"^(⟦.*⟧)?(auto|off|all|demo)$",
    # What a session says of itself.
    r"\btalk\.ferdesk: clip\.mp4|(?<=⟧)(none|net|fake)(?=⟦|\n)",
    # Errors come as they are, and so does the name that a source has for itself.
    r"is no session: it has no session\.db\.",
    r"^The face models are not installed\. Run: ferdesk models install$",
    # Qt's own: it has catalogues of its own.
    r"^(OK|Cancel|Scroll Left|Scroll Right)$",
)
"""What is in no brackets, and why that is right."""


def bracketed(text: str) -> str:
    """A text of the language: longer than the English, and what it says itself in brackets."""
    said = "".join(
        f"⟦{words}{'·' * (len(words) // 3)}⟧" * bool(words) + _braced(name, spec, conversion)
        for words, name, spec, conversion in Formatter().parse(text)
    )
    assert said, text
    return said


def _braced(name: str | None, spec: str | None, conversion: str | None) -> str:
    if name is None:
        return ""
    return (
        "{" + name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "") + "}"
    )


def pseudo_catalogue(folder: Path) -> None:
    """Everything in the template, translated."""
    with TEMPLATE.open("rb") as file:
        template = read_po(file)
    catalogue = Catalog(locale="eo", domain="ferdesk")
    for message in template:
        if message.id:
            plural = isinstance(message.id, tuple)
            text = tuple(map(bracketed, message.id)) if plural else bracketed(message.id)
            catalogue.add(message.id, text, context=message.context)
    place = folder / "eo" / "LC_MESSAGES"
    place.mkdir(parents=True)
    with (place / "ferdesk.mo").open("wb") as file:
        write_mo(file, catalogue)


def forgotten(text: str, folder: Path) -> str:
    """What of a text should be in brackets, and is not."""
    text = re.sub(rf"{re.escape(str(folder))}[\w./-]*", "", text)
    for pattern in LEFT:
        text = re.sub(pattern, "", text)
    return BRACKETED.sub("", text)


def test_every_text_of_the_window_can_be_translated(tmp_path: Path) -> None:
    pseudo_catalogue(tmp_path / "locale")
    paths = [HERE, HERE.parent, HERE.parent / "sessions"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=240,
        env={
            **os.environ,
            "LANGUAGE": "eo",
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
        },
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads((tmp_path / "seen.json").read_text(encoding="utf-8"))
    missed = [(where, text) for where, text in seen if LETTER.search(forgotten(text, tmp_path))]
    assert not missed, "\n".join(map(repr, missed))
    assert len(seen) > 900
