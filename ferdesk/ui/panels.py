"""The right side: a card for each face, largest first."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FaceResult, FloatArray
from ferdesk.ui.theme import DARK, GAP, Colours, expression_colour, named

MAX_CARDS: Final = 6
"""Further faces are counted below the cards."""

_OVERTAKE: Final = 1.25
"""A face changes places with the one above when it is so much larger: else cards would flicker."""

_ROW: Final = 21
_NAME_WIDTH: Final = 78
_PERCENT_WIDTH: Final = 44
_BAR_HEIGHT: Final = 8


class ExpressionBars(QWidget):
    """Eight bars with name and percentage, painted in one go."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.values: FloatArray = np.zeros(len(EXPRESSIONS), np.float32)
        self._colours = DARK

    def show_values(self, values: FloatArray) -> None:
        """Show these probabilities, (8,) in the canonical order."""
        self.values = values
        self.update()

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        self.update()

    def sizeHint(self) -> QSize:
        """One row an expression."""
        return QSize(240, _ROW * len(EXPRESSIONS))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        best = int(self.values.argmax())
        length = self.width() - _NAME_WIDTH - _PERCENT_WIDTH
        for row, (name, value) in enumerate(zip(EXPRESSIONS, self.values.tolist(), strict=True)):
            top = row * _ROW
            text = self._colours.text if row == best else self._colours.muted
            painter.setPen(QColor(text))
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, _NAME_WIDTH, _ROW), middle, name)
            painter.drawText(
                QRectF(self.width() - _PERCENT_WIDTH, top, _PERCENT_WIDTH, _ROW),
                middle | Qt.AlignmentFlag.AlignRight,
                percent(value),
            )
            painter.setPen(Qt.PenStyle.NoPen)
            bar = QRectF(_NAME_WIDTH, top + (_ROW - _BAR_HEIGHT) / 2, length, _BAR_HEIGHT)
            radius = _BAR_HEIGHT / 2
            painter.setBrush(QColor(self._colours.raised))
            painter.drawRoundedRect(bar, radius, radius)
            # Filled within the rounded track, so that also a small share has its true length.
            track = QPainterPath()
            track.addRoundedRect(bar, radius, radius)
            painter.save()
            painter.setClipPath(track)
            bar.setWidth(length * value)
            painter.fillRect(bar, expression_colour(row, self._colours))
            painter.restore()
        painter.end()


class FaceCard(QFrame):
    """One face: its number, its expression, how sure that is, and all eight probabilities."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._colours = DARK
        self._shown_label = ""
        self.track_id = 0
        self.id_label = named(QLabel(), "cardId")
        self.label = QLabel()
        font = self.label.font()
        font.setPointSizeF(font.pointSizeF() * 1.8)
        font.setBold(True)
        self.label.setFont(font)
        self.confidence = QLabel()
        large = self.confidence.font()
        large.setPointSizeF(large.pointSizeF() * 1.4)
        self.confidence.setFont(large)
        self.confidence.setToolTip("How sure the net is of this expression")
        self.bars = ExpressionBars()
        head = QHBoxLayout()
        head.addWidget(self.label, 1)
        head.addWidget(self.confidence)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, GAP - 2, GAP, GAP)
        column.setSpacing(GAP // 3)
        column.addWidget(self.id_label)
        column.addLayout(head)
        column.addSpacing(GAP // 3)
        column.addWidget(self.bars)

    def show_face(self, result: FaceResult) -> None:
        """Show this face; cheap enough for every frame."""
        self.confidence.setText(percent(result.confidence))
        self.bars.show_values(result.probabilities)
        if (result.face.track_id, result.label) == (self.track_id, self._shown_label):
            return
        self.track_id = result.face.track_id
        self._shown_label = result.label
        self.id_label.setText(f"Face {self.track_id}")
        self.label.setText(result.label.capitalize())
        self.setAccessibleName(f"Face {self.track_id}: {result.label}")
        self._colour_label()

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        self.bars.set_colours(colours)
        self._colour_label()

    def _colour_label(self) -> None:
        if self._shown_label:
            index = EXPRESSIONS.index(self._shown_label)
            palette = self.label.palette()
            palette.setColor(self.label.foregroundRole(), expression_colour(index, self._colours))
            self.label.setPalette(palette)


class FacesPanel(QWidget):
    """The cards in a scroll area. Cards are made once and used again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumWidth(280)
        self.setMaximumWidth(400)
        self.setAccessibleName("Faces")
        self._order: list[int] = []
        self.heading = named(QLabel("Faces"), "heading")
        self.empty = named(QLabel("No face in the picture"), "muted")
        self.more = named(QLabel(), "muted")
        self.cards = tuple(FaceCard() for _ in range(MAX_CARDS))
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

    def show_faces(self, faces: Sequence[FaceResult]) -> None:
        """Show these faces and no others."""
        ordered = stable_order(self._order, faces)
        self._order = [result.face.track_id for result in ordered]
        for card, result in zip(self.cards, ordered, strict=False):
            card.show_face(result)
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
        self.show_faces(())
        self.empty.setVisible(False)

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


def percent(share: float) -> str:
    """A share as people read it; the narrow space keeps number and sign together."""
    return f"{100 * share:.0f}\u202f%"


def _area(result: FaceResult) -> float:
    return result.face.box.w * result.face.box.h
