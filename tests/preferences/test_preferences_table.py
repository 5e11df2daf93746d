"""The table is whole: every preference says what it is, and something obeys it."""

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from ferdesk.core.errors import PreferencesError
from ferdesk.overlay import OverlayOptions
from ferdesk.preferences.model import Preferences
from ferdesk.preferences.table import TABLE, Preference, Value, by_key, differing, section_title
from ferdesk.sessions.library import default_folder
from ferdesk.settings import Settings
from ferdesk.sources import open_source
from ferdesk.streams.choice import StreamChoice
from ferdesk.ui.tap import RecordingChoice
from ferdesk.ui.theme import Mode

FEEDS: dict[str, Callable[[Preferences], object]] = {
    "source": lambda p: p.source.opener().keywords,
    "source.default": lambda p: p.source.default or None,
    "source.mirror": lambda p: p.source.mirror,
    "faces": Preferences.settings,
    "nets": Preferences.settings,
    "smoothing": Preferences.settings,
    "display": Preferences.overlay,
    "display.theme": lambda p: Mode(p.display.theme),
    "display.units": lambda p: p.display.units,
    "display.unit_order": lambda p: p.display.unit_order,
    "display.unit_choice": lambda p: p.display.chosen_units,
    "recording": lambda p: RecordingChoice(**p.recording.choice()),
    "recording.folder": lambda p: p.recording.place,
    "outputs": Preferences.streams,
    "privacy": Preferences.overlay,
    "privacy.snapshots": lambda p: p.privacy.snapshot_folder,
}
"""What a preference, or all of a section that are not named, changes."""


def another(row: Preference) -> Value:
    """A value that is not the default."""
    if row.kind == "switch":
        return not row.default
    if row.kind == "choice":
        return next(choice for choice in row.choices if choice != row.default)
    if row.shown.widget in ("colour", "units"):
        return {"colour": "#0a0b0c", "units": "1, 12"}[row.shown.widget]
    if row.kind == "text":
        return "elsewhere"
    assert row.maximum is not None
    return int(row.maximum) if row.kind == "integer" else float(row.maximum)


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_each_preference_is_obeyed(row: Preference) -> None:
    feed = FEEDS.get(row.key) or FEEDS[row.section]
    before = Preferences()
    after = row.changed(before, another(row))
    assert row.value(before) == row.default
    assert row.value(after) == another(row)
    assert feed(after) != feed(before)
    assert differing(before, after) == (row,)


@pytest.mark.parametrize("row", TABLE.values(), ids=TABLE)
def test_each_preference_says_what_it_is(row: Preference) -> None:
    assert row.title
    assert row.help.endswith(".")
    assert row.key == f"{row.section}.{row.name}"
    assert row.checked(row.default) == row.default
    assert row.text_of(row.default) or row.shown.empty or row.kind == "text"
    if row.shown.texts is not None:
        assert tuple(row.shown.texts) == row.choices
    if row.kind in ("integer", "number"):
        assert row.minimum is not None
        assert row.maximum is not None
        for wrong in (row.minimum - 1, row.maximum + 1):
            with pytest.raises(PreferencesError, match=row.key):
                row.checked(int(wrong) if row.kind == "integer" else float(wrong))


def test_the_defaults_are_those_of_the_program() -> None:
    nothing = Preferences()
    assert nothing.settings() == Settings()
    assert nothing.streams() == StreamChoice()
    assert RecordingChoice(**nothing.recording.choice()) == RecordingChoice()
    assert nothing.recording.place == default_folder()
    # The bars are in the cards beside the picture.
    assert nothing.overlay() == OverlayOptions(bars=False)
    usual = inspect.signature(open_source).parameters
    for name, value in nothing.source.opener().keywords.items():
        assert usual[name].default == value


def test_folders_of_the_user_are_found() -> None:
    row = by_key("recording.folder")
    assert row.changed(Preferences(), "~/talks").recording.place == Path.home() / "talks"


def test_a_number_may_be_left_to_the_bundle() -> None:
    row = by_key("nets.t2")
    assert (row.kind, row.default, row.minimum, row.maximum) == ("number", "auto", 0, 1)
    assert row.text_of("auto") == "As the bundle says"
    assert row.text_of(0.35) == "0.35"
    assert row.changed(Preferences(), 0.35).settings() == Settings(t2=0.35)
    assert "published figures" in row.help


def test_no_token_can_be_stored() -> None:
    assert not [key for key in TABLE if "token" in key]


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("display.boxes", "off", False),
        ("display.boxes", "Yes", True),
        ("faces.max_faces", "3", 3),
        ("smoothing.seconds", "1", 1.0),
        ("display.theme", "dark", "dark"),
        ("display.unit_choice", "12 1,4", "1, 4, 12"),
        ("display.unit_choice", "none", "none"),
        ("display.colour_fear", "#FFCC00", "#ffcc00"),
        ("nets.bundle", " a b ", " a b "),
        ("nets.t2", "auto", "auto"),
        ("nets.t2", "0.35", 0.35),
        ("nets.t3", "0", 0.0),
    ],
)
def test_texts_become_values(key: str, text: str, value: Value) -> None:
    assert by_key(key).parsed(text) == value


@pytest.mark.parametrize(
    ("key", "text", "said"),
    [
        ("display.boxes", "maybe", "boolean"),
        ("faces.max_faces", "2.5", "integer"),
        ("faces.max_faces", "65", "less than or equal to 64"),
        ("smoothing.seconds", "nan", "less than or equal to 5"),
        ("display.theme", "pink", "'system', 'dark' or 'light'"),
        ("display.unit_choice", "3", "all, none, or numbers"),
        ("display.unit_choice", "", "all, none, or numbers"),
        ("display.colour_fear", "red", "match pattern"),
        ("nets.bundle", "", "at least 1"),
        ("nets.bundle", "a\nb", "one line"),
        ("outputs.osc_host", "a b", "host"),
        ("nets.t2", "soon", "valid number"),
        ("nets.t2", "1.5", "less than or equal to 1"),
        ("nets.t3", "-0.1", "greater than or equal to 0"),
        ("nets.t3", "nan", "equal to"),
        ("recording.consent", "x" * 10_001, "at most 10000"),
    ],
)
def test_texts_that_mean_nothing(key: str, text: str, said: str) -> None:
    with pytest.raises(PreferencesError, match=said) as error:
        by_key(key).parsed(text)
    assert str(error.value).startswith(f"{key}: ")


def test_the_nearest_key_is_named() -> None:
    with pytest.raises(PreferencesError, match=r"display\.theme"):
        by_key("display.them")
    with pytest.raises(PreferencesError, match=r"recording\.lossless"):
        by_key("lossless")
    with pytest.raises(PreferencesError, match="ferdesk settings list"):
        by_key("qqqqqq")


def test_sections_have_titles() -> None:
    assert [section_title(name) for name in Preferences.model_fields][:3] == [
        "Source",
        "Faces",
        "Nets",
    ]
