"""Cards show what the result says."""

import pytest
from ui_fakes import a_face

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.ui import theme
from ferdesk.ui.panels import MAX_CARDS, FacesPanel, stable_order

pytestmark = pytest.mark.usefixtures("qapp")


def visible(panel: FacesPanel) -> list[int]:
    return [card.track_id for card in panel.cards if not card.isHidden()]


def test_a_card_shows_the_values_of_its_face() -> None:
    panel = FacesPanel()
    face = a_face(7, "surprise")
    panel.show_faces([face], 0.0)
    card = panel.cards[0]
    assert visible(panel) == [7]
    assert card.id_label.text() == "Face 7"
    assert card.label.text() == "Surprise"
    assert card.confidence.text() == "72\u202f%"
    assert card.accessibleName() == "Face 7: surprise"
    assert card.bars.values is face.probabilities
    assert not card.bars.grab().isNull()


def test_cards_are_used_again_and_go_with_their_face() -> None:
    panel = FacesPanel()
    panel.show_faces([a_face(1), a_face(2, "anger", 20)], 0.0)
    cards = panel.cards
    assert visible(panel) == [1, 2]
    panel.show_faces([a_face(2, "anger", 20)], 0.0)
    assert panel.cards is cards
    assert visible(panel) == [2]
    assert cards[0].label.text() == "Anger"
    panel.show_faces([], 0.0)
    assert visible(panel) == []
    assert not panel.empty.isHidden()


def test_more_faces_than_cards_are_counted() -> None:
    panel = FacesPanel()
    panel.show_faces([a_face(i, size=100 - i) for i in range(1, MAX_CARDS + 3)], 0.0)
    assert visible(panel) == list(range(1, MAX_CARDS + 1))
    assert panel.more.text() == "and 2 more faces"


def test_faces_of_about_one_size_keep_their_places() -> None:
    a, b = a_face(1, size=40), a_face(2, size=42)
    assert [r.face.track_id for r in stable_order([], [b, a])] == [2, 1]
    assert [r.face.track_id for r in stable_order([1, 2], [b, a])] == [1, 2]
    big = a_face(3, size=90)
    assert [r.face.track_id for r in stable_order([1, 2], [big, b, a])] == [3, 1, 2]


@pytest.mark.parametrize("colours", [theme.DARK, theme.LIGHT])
def test_expression_colours_stand_out(colours: theme.Colours) -> None:
    from PySide6.QtGui import QColor

    ground = QColor(colours.surface).lightnessF()
    for index in range(len(EXPRESSIONS)):
        colour = theme.expression_colour(index, colours)
        assert abs(colour.lightnessF() - ground) > 0.3
