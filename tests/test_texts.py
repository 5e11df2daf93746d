"""Texts in the user's language, and the template that translators begin with."""

import importlib.util
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from material import ROOT

from ferdesk import texts
from ferdesk.preferences.table import TABLE, by_key
from ferdesk.texts import language, tr, trn

Speak = Callable[..., Path]


@pytest.fixture(autouse=True)
def no_language(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Catalogues of the test's own, and none of what it reads is kept."""
    monkeypatch.setattr(texts, "catalogues", lambda: tmp_path)
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    yield
    texts._catalogue.cache_clear()
    texts._sound.cache_clear()


@pytest.fixture
def speak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Speak:
    """Writes a catalogue and makes its language the user's."""

    def write(
        messages: Mapping[str | tuple[str, str], str | tuple[str, str]],
        keys: Mapping[str, str] = MappingProxyType({}),
        plural: str = "",
    ) -> Path:
        catalogue = Catalog(locale="de")
        for text, translation in messages.items():
            catalogue.add(text, translation)
        for text, translation in keys.items():
            catalogue.add(text, translation, context="key")
        if plural:
            catalogue._num_plurals, catalogue._plural_expr = 2, plural
        path = tmp_path / "de" / "LC_MESSAGES" / "ferdesk.mo"
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            write_mo(file, catalogue)
        monkeypatch.setenv("LANGUAGE", "de")
        return path

    return write


def test_without_a_catalogue_texts_are_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    assert tr("Settings") == "Settings"
    assert trn("{n} frame", "{n} frames", 1) == "{n} frame"
    assert trn("{n} frame", "{n} frames", 0) == "{n} frames"
    assert language() == ""


def test_the_users_language_is_spoken(speak: Speak) -> None:
    frames = ("{n} frame", "{n} frames")
    german = {"Delete": "Löschen", "Face {number}": "Gesicht {number}"}
    speak({**german, frames: ("{n} Bild", "{n} Bilder")})
    assert language() == "de"
    assert tr("Delete") == "Löschen"
    assert tr("Face {number}").format(number=3) == "Gesicht 3"
    assert [trn(*frames, n).format(n=n) for n in (1, 2)] == ["1 Bild", "2 Bilder"]
    assert tr("Unknown to it") == "Unknown to it"
    assert tr("") == ""  # not the catalogue's description of itself


def test_a_context_tells_two_meanings_apart(speak: Speak) -> None:
    speak({"Left": "Übrig"}, keys={"Left": "Links"})
    assert (tr("Left"), tr("Left", "key")) == ("Übrig", "Links")
    assert tr("Quit", "key") == "Quit"


@pytest.mark.parametrize(
    ("name", "value"),
    [("LC_ALL", "de_AT.UTF-8"), ("LC_MESSAGES", "de_DE"), ("LANG", "de"), ("LANGUAGE", "xx:de")],
)
def test_the_language_comes_from_the_locale(
    speak: Speak, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    speak({"Quit": "Beenden"})
    monkeypatch.delenv("LANGUAGE")
    monkeypatch.setenv(name, value)
    assert tr("Quit") == "Beenden"


def cut_short(whole: bytes) -> bytes:
    return whole[:40]


def not_one(_: bytes) -> bytes:
    return b"\x7fELF" + bytes(200)


def out_of_bounds(whole: bytes) -> bytes:
    return whole[:12] + b"\xff\xff\xff\x7f" * 2 + whole[20:]


def of_no_known_characters(whole: bytes) -> bytes:
    return whole.replace(b"charset=utf-8", b"charset=utf-9")


def in_other_characters(whole: bytes) -> bytes:
    return whole.replace("ö".encode(), b"\xff\xfe")


def with_a_rule_that_is_a_program(whole: bytes) -> bytes:
    return whole.replace(b"plural=(n != 1)", b"plural=exit(7) ")


@pytest.mark.parametrize(
    "spoil",
    [
        cut_short,
        not_one,
        out_of_bounds,
        of_no_known_characters,
        in_other_characters,
        with_a_rule_that_is_a_program,
        lambda _: b"",
    ],
)
def test_a_broken_catalogue_gives_english_and_a_warning(
    speak: Speak, caplog: pytest.LogCaptureFixture, spoil: Callable[[bytes], bytes]
) -> None:
    path = speak({"Delete": "Löschen"})
    whole = path.read_bytes()
    path.write_bytes(spoil(whole))
    assert path.read_bytes() != whole
    with caplog.at_level(logging.WARNING):
        assert tr("Delete") == "Delete"
        assert trn("one", "many", 2) == "many"
    assert "English it is" in caplog.text


def test_a_plural_rule_that_divides_by_nothing_gives_english(
    speak: Speak, caplog: pytest.LogCaptureFixture
) -> None:
    speak({("one", "many"): ("eins", "viele")}, plural="(n / (n - 2))")
    assert trn("one", "many", 2) == "many"
    assert "plural rule" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [
        "Gesicht {name}",
        "Gesicht {number.__class__}",
        "Gesicht {number:>999999999}",
        "Gesicht {number!r}",
        "Gesicht {}",
        "Gesicht {number",
    ],
)
def test_a_translation_that_cannot_be_filled_in_is_not_used(
    speak: Speak, caplog: pytest.LogCaptureFixture, wrong: str
) -> None:
    speak({"Face {number}": wrong, ("{n} face", "{n} faces"): (wrong, wrong)})
    assert tr("Face {number}").format(number=3) == "Face 3"
    assert trn("{n} face", "{n} faces", 1) == "{n} face"
    assert "is not used" in caplog.text


def test_what_is_shown_of_a_preference_is_translated_and_nothing_else(speak: Speak) -> None:
    speak({"Theme": "Aussehen", "Dark": "Dunkel"})
    row, shown = by_key("display.theme"), by_key("display.theme").translated()
    assert (shown.title, shown.text_of("dark")) == ("Aussehen", "Dunkel")
    assert (row.title, row.text_of("dark")) == ("Theme", "Dark")
    assert (shown.key, shown.choices, shown.default) == (row.key, row.choices, row.default)


def test_the_template_is_what_the_sources_give() -> None:
    spec = importlib.util.spec_from_file_location("template", ROOT / "packaging" / "template.py")
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    committed = (ROOT / "resources" / "locale" / "ferdesk.pot").read_text(encoding="utf-8")
    assert program.template() == committed, "out of date: make texts"


def test_the_template_has_every_preference_and_no_place_of_this_machine() -> None:
    path = ROOT / "resources" / "locale" / "ferdesk.pot"
    with path.open("rb") as file:
        known = {message.id for message in read_po(file)}
    assert {row.title for row in TABLE.values()} <= known
    assert ("{n} frame", "{n} frames") in known
    written = path.read_text(encoding="utf-8")
    assert str(ROOT) not in written
    assert "Date" not in written
