"""The report: self-contained, escaped, with curves that are there."""

import base64
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from ferdesk.exports.formats import export
from ferdesk.sessions.readings import Annotation
from ferdesk.settings import Settings

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")
cv2 = pytest.importorskip("cv2")

EVIL = "<script>alert(1)</script><img src=http://example.org/x>\"' {{ 7 * 7 }}"


class Tags(HTMLParser):
    """All tags with what they point to, and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "


@pytest.fixture
def no_drawing(monkeypatch):
    """Pictures that nobody looks at cost seconds."""
    monkeypatch.setattr("ferdesk.exports.report_plots.draw", lambda curves: b"a picture")


def read(path):
    tags = Tags()
    tags.feed(path.read_text(encoding="utf-8"))
    return tags


def test_a_strangers_words_are_only_words(make_session, tmp_path, no_drawing):
    notes = [Annotation(0.1, "note", EVIL, 0.2, 1, EVIL), Annotation(0.3, "marker", "")]
    session = make_session(notes=notes, source=EVIL, consent=EVIL, settings=Settings(), bundle=EVIL)
    export(session, "report", tmp_path / "a.html")
    tags = read(tmp_path / "a.html")
    assert not {"script", "link", "iframe", "object"} & set(tags.tags)
    assert all(link.startswith("data:image/png;base64,") for link in tags.links)
    assert tags.text.count(EVIL) >= 5
    assert "default-src 'none'" in (tmp_path / "a.html").read_text()
    assert "smoothing_s" in tags.text


def test_what_it_says(make_session, tmp_path, no_drawing):
    session = make_session(["neutral"] * 6 + ["fear"] * 2 + [None] * 2, people=2)
    export(session, "report", tmp_path / "a.html")
    text = " ".join(read(tmp_path / "a.html").text.split())
    for words in (
        "Person 1 In 8 frames, from 0:00:00.000 to 0:00:00.700.",
        "neutral 75.0 % fear 25.0 %",
        "AU28 Lip Suck 0.900",
        "not of what somebody felt",
        session.meta.au_scale,
        "nothing was noted",
        "compact-ferplus",
    ):
        assert words in text, words


def test_the_curves_are_drawn(make_session, tmp_path):
    session = make_session(["neutral"] * 20 + ["fear"] * 20)
    export(session, "report", tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text()
    (picture,) = re.findall(r"data:image/png;base64,([^\"]+)", page)
    image = cv2.imdecode(np.frombuffer(base64.b64decode(picture), np.uint8), cv2.IMREAD_COLOR)
    hue = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    inside = hue[: len(hue) // 2, : int(hue.shape[1] * 0.8)]  # the upper axes, without its legend
    assert (inside[..., 1] > 100).sum() > 500


def test_without_a_face_and_without_a_frame(make_session, tmp_path):
    export(make_session([None, None], name="a"), "report", tmp_path / "a.html")
    export(make_session([], name="b"), "report", tmp_path / "b.html")
    assert "No face was seen" in (tmp_path / "a.html").read_text()
    assert "No face was seen" in (tmp_path / "b.html").read_text()


def test_many_people_and_notes(make_session, tmp_path, no_drawing):
    notes = [Annotation(0.0, "event", f"number {index}") for index in range(510)]
    export(make_session(people=7, notes=notes), "report", tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text()
    assert page.count("data:image/png") == 4
    assert "10 more are not listed" in page
    assert "Person 7" in page
