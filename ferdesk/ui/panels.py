"""The right side: a card for each face, largest first."""

import time
from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from ferdesk.core.types import FaceResult, ImageU8
from ferdesk.overlay_hide import Hiding
from ferdesk.overlay_verdict import VerdictMemory
from ferdesk.preferences.display import UnitOrder
from ferdesk.texts import tr, trn
from ferdesk.ui import icons
from ferdesk.ui.actions import spec_of, tip
from ferdesk.ui.buttons import SpaceToolButton
from ferdesk.ui.face_card import FaceCard
from ferdesk.ui.face_names import unnamed
from ferdesk.ui.theme import GAP, Colours, named

MAX_CARDS: Final = 6
"""Further faces are counted below the cards."""

_THUMB_S: Final = 0.25
"""A card's picture is this old before a new one is cut, and never two in one frame: the window's
thread has other things to do."""

_OVERTAKE: Final = 1.25
"""A face changes places with the one above when it is so much larger: else cards would flicker."""


class FacesPanel(QWidget):
    """The cards in a scroll area. Cards are made once and used again.

    Args:
        name_of: what a person is called, by number.
        parent: the widget that it lies in.
    """

    name_wanted = Signal(int)
    """The user wants to name the person of this number."""

    name_unwanted = Signal(int)
    """The name of the person of this number is to go."""

    units_wanted = Signal()
    """The user wants to choose which action units are shown."""

    def __init__(
        self, name_of: Callable[[int], str] = unnamed, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._name_of = name_of
        self._hide: Hiding = "off"
        self._mirrors = False
        self.setMinimumWidth(300)
        self.setMaximumWidth(400)
        self.setAccessibleName(tr("Faces"))
        self._order: list[int] = []
        self._memory = VerdictMemory()
        self.heading = named(QLabel(tr("Faces")), "heading")
        self.empty = named(QLabel(tr("No face in the picture")), "muted")
        self.more = named(QLabel(), "muted")
        self.choose = named(SpaceToolButton(), "section")
        self.choose.setIconSize(QSize(16, 16))
        self.choose.setToolTip(tip(spec_of("choose_units")))
        self.choose.setAccessibleName(spec_of("choose_units").text)
        self.choose.clicked.connect(lambda _=False: self.units_wanted.emit())
        self.cards = tuple(FaceCard() for _ in range(MAX_CARDS))
        # All of them open would fill several windows.
        self.cards[0].units.set_open(True)
        inner = named(QWidget(), "cards")
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, GAP // 2, 0)
        column.setSpacing(GAP)
        column.addWidget(self.empty)
        for card in self.cards:
            card.name_wanted.connect(self.name_wanted)
            card.name_unwanted.connect(self.name_unwanted)
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
        head = QHBoxLayout()
        head.addWidget(self.heading, 1)
        head.addWidget(self.choose)
        layout.addLayout(head)
        layout.addWidget(area, 1)
        self.clear()

    def show_faces(
        self, faces: Sequence[FaceResult], time_s: float, image: ImageU8 | None = None
    ) -> None:
        """Show these faces and no others.

        Args:
            faces: the faces of a frame, largest first.
            time_s: its time on the source's clock.
            image: (height, width, 3) uint8, BGR, the frame; None where the faces are in none.
        """
        ordered = stable_order(self._order, faces)
        self._order = [result.face.track_id for result in ordered]
        for card, result in zip(self.cards, ordered, strict=False):
            judged = self._memory.recall(result, time_s)
            card.show_face(result, judged, time_s, self._name_of(result.face.track_id))
            card.setVisible(True)
        if image is not None:
            self._show_thumb(ordered, image)
        for card in self.cards[len(ordered) :]:
            card.setVisible(False)
        hidden = len(ordered) - MAX_CARDS
        self.more.setVisible(hidden > 0)
        if hidden > 0:
            more = trn("and {n} more face", "and {n} more faces", hidden)
            self.more.setText(more.format(n=hidden))
        self.empty.setVisible(not ordered)

    def clear(self) -> None:
        """Show no cards, and do not claim that there is no face."""
        self._memory = VerdictMemory()
        for card in self.cards:
            card.forget()
        self.show_faces((), 0.0)
        self.empty.setVisible(False)

    def set_unsure_below(self, share: float) -> None:
        """Call an expression unsure that is less probable than this."""
        for card in self.cards:
            card.set_unsure_below(share)

    def set_units_shown(self, shown: bool) -> None:
        """Show the cards' action units, or leave the room to the expressions."""
        self.choose.setVisible(shown)
        for card in self.cards:
            card.set_units_shown(shown)

    def sort_units(self, order: UnitOrder, chosen: frozenset[int]) -> None:
        """Show the action units of these numbers, sorted like this."""
        for card in self.cards:
            card.units.sort(order, chosen)

    def set_thumbs(self, hide: Hiding, mirrors: bool) -> None:
        """How the faces' small pictures are shown; those that are there go where it changes.

        Args:
            hide: whether they are made unrecognisable, and how.
            mirrors: whether they are shown as in a mirror.
        """
        if (hide, mirrors) != (self._hide, self._mirrors):
            self._hide, self._mirrors = hide, mirrors
            for card in self.cards:
                card.thumb.forget()

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self.choose.setIcon(icons.icon("sliders", colours.muted))
        for card in self.cards:
            card.set_colours(colours)

    def _show_thumb(self, ordered: Sequence[FaceResult], image: ImageU8) -> None:
        """Cut the picture anew that is oldest, and those that are missing."""
        due = sorted(zip(self.cards, ordered, strict=False), key=lambda pair: pair[0].thumb.shown_s)
        now = time.monotonic()
        for place, (card, result) in enumerate(due):
            missing = card.thumb.image is None
            if missing or (place == 0 and now - card.thumb.shown_s >= _THUMB_S):
                card.thumb.show_face(image, result.face.box, self._hide, self._mirrors)


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
