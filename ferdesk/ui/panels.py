"""The right side: a card for each face, largest first."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from ferdesk.core.types import FaceResult
from ferdesk.overlay_verdict import VerdictMemory
from ferdesk.ui.face_card import FaceCard
from ferdesk.ui.theme import GAP, Colours, named

MAX_CARDS: Final = 6
"""Further faces are counted below the cards."""

_OVERTAKE: Final = 1.25
"""A face changes places with the one above when it is so much larger: else cards would flicker."""


class FacesPanel(QWidget):
    """The cards in a scroll area. Cards are made once and used again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumWidth(300)
        self.setMaximumWidth(400)
        self.setAccessibleName("Faces")
        self._order: list[int] = []
        self._memory = VerdictMemory()
        self.heading = named(QLabel("Faces"), "heading")
        self.empty = named(QLabel("No face in the picture"), "muted")
        self.more = named(QLabel(), "muted")
        self.cards = tuple(FaceCard() for _ in range(MAX_CARDS))
        # All of them open would fill several windows.
        self.cards[0].units.set_open(True)
        inner = named(QWidget(), "cards")
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, GAP // 2, 0)
        column.setSpacing(GAP)
        column.addWidget(self.empty)
        for card in self.cards:
            column.addWidget(card)
        column.addWidget(self.more)
        column.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GAP // 2)
        layout.addWidget(self.heading)
        layout.addWidget(area, 1)
        self.clear()

    def show_faces(self, faces: Sequence[FaceResult], time_s: float) -> None:
        """Show these faces and no others.

        Args:
            faces: the faces of a frame, largest first.
            time_s: its time on the source's clock.
        """
        ordered = stable_order(self._order, faces)
        self._order = [result.face.track_id for result in ordered]
        for card, result in zip(self.cards, ordered, strict=False):
            card.show_face(result, self._memory.recall(result, time_s), time_s)
            card.setVisible(True)
        for card in self.cards[len(ordered) :]:
            card.setVisible(False)
        hidden = len(ordered) - MAX_CARDS
        self.more.setVisible(hidden > 0)
        if hidden > 0:
            self.more.setText(f"and {hidden} more face{'s' if hidden > 1 else ''}")
        self.empty.setVisible(not ordered)

    def clear(self) -> None:
        """Show no cards, and do not claim that there is no face."""
        self._memory = VerdictMemory()
        self.show_faces((), 0.0)
        self.empty.setVisible(False)

    def set_units_shown(self, shown: bool) -> None:
        """Show the cards' action units, or leave the room to the expressions."""
        for card in self.cards:
            card.set_units_shown(shown)

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        for card in self.cards:
            card.set_colours(colours)


def stable_order(before: Sequence[int], faces: Sequence[FaceResult]) -> list[FaceResult]:
    """Largest first, but two faces of about one size keep the places they had.

    Args:
        before: track ids in the order they were shown last.
        faces: the faces now, largest first.
    """
    place = {track_id: index for index, track_id in enumerate(before)}
    known = sorted(
        (face for face in faces if face.face.track_id in place),
        key=lambda face: place[face.face.track_id],
    )
    ordered: list[FaceResult] = []
    new = (face for face in faces if face.face.track_id not in place)
    for result in (*known, *new):
        at = len(ordered)
        while at > 0 and _area(result) > _OVERTAKE * _area(ordered[at - 1]):
            at -= 1
        ordered.insert(at, result)
    return ordered


def _area(result: FaceResult) -> float:
    return result.face.box.w * result.face.box.h
