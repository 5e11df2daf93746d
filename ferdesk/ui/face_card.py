"""One face: what it expresses, how the action units judged that, and the units themselves."""

from typing import Final

import numpy as np
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QMouseEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from ferdesk.core.labels import EXPRESSIONS
from ferdesk.core.types import FaceResult, FloatArray
from ferdesk.texts import tr
from ferdesk.ui import words
from ferdesk.ui.au_bars import AuSection
from ferdesk.ui.face_names import unnamed
from ferdesk.ui.face_thumb import FaceThumb
from ferdesk.ui.status import ElidedLabel
from ferdesk.ui.theme import DARK, GAP, Colours, expression_colour, label_colour, named
from ferdesk.ui.verdict_label import VerdictLabel

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
        names = [words.expression(label) for label in EXPRESSIONS]
        # The words of another language may be longer.
        start = max(
            _NAME_WIDTH, *(self.fontMetrics().horizontalAdvance(f"{one} ") for one in names)
        )
        length = self.width() - start - _PERCENT_WIDTH
        for row, (name, value) in enumerate(zip(names, self.values.tolist(), strict=True)):
            top = row * _ROW
            text = self._colours.text if row == best else self._colours.muted
            painter.setPen(QColor(text))
            middle = Qt.AlignmentFlag.AlignVCenter
            painter.drawText(QRectF(0, top, start, _ROW), middle, name)
            painter.drawText(
                QRectF(self.width() - _PERCENT_WIDTH, top, _PERCENT_WIDTH, _ROW),
                middle | Qt.AlignmentFlag.AlignRight,
                percent(value),
            )
            painter.setPen(Qt.PenStyle.NoPen)
            bar = QRectF(start, top + (_ROW - _BAR_HEIGHT) / 2, length, _BAR_HEIGHT)
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
    """A face's picture, name, expression, all eight probabilities, verdict and action units."""

    name_wanted = Signal(int)
    """The user wants to name the person of this number."""

    name_unwanted = Signal(int)
    """The name of the person of this number is to go."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("card")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._colours = DARK
        self._shown_label = ""
        self._shown_name = ""
        self._units_shown = True
        self._unsure_below = 0.0
        self._has_units = False
        self.track_id = 0
        self.thumb = FaceThumb()
        self.id_label = named(ElidedLabel(), "cardId")
        self.own = named(QLabel(), "cardId")
        self.own.setToolTip(tr("What the expression net said before the action units were asked"))
        self.label = QLabel()
        font = self.label.font()
        font.setPointSizeF(font.pointSizeF() * 1.8)
        font.setBold(True)
        self.label.setFont(font)
        self.confidence = QLabel()
        large = self.confidence.font()
        large.setPointSizeF(large.pointSizeF() * 1.4)
        self.confidence.setFont(large)
        self.confidence.setToolTip(tr("How sure the net is of this expression"))
        self.bars = ExpressionBars()
        self.verdict = VerdictLabel()
        self.units = AuSection()
        self._lay_out()
        self._take_actions()

    def show_face(
        self, result: FaceResult, judged: FaceResult | None, time_s: float, name: str
    ) -> None:
        """Show this face; cheap enough for every frame. Its picture is `thumb`'s.

        Args:
            result: the face now.
            judged: the result whose verdict is shown, `result` or one a moment before; None where
                nothing is or was contested.
            time_s: the time of the face's frame, on the source's clock.
            name: what the person is called.
        """
        number = result.face.track_id
        if number != self.track_id:
            self.forget()
        self.confidence.setText(percent(result.confidence))
        self.bars.show_values(result.probabilities)
        self._show_verdict(result, judged)
        if result.aus is not None:
            self.units.show_values(result.aus, time_s)
        self._has_units = result.aus is not None
        self.units.setVisible(self._units_shown and self._has_units)
        label = result.shown_label(self._unsure_below)
        now = number, label, name
        if now == (self.track_id, self._shown_label, self._shown_name):
            return
        self.track_id, self._shown_label, self._shown_name = now
        self.id_label.setText(name)
        how = tr("{who}. Double click or F2 to give it a name")
        self.id_label.setToolTip(how.format(who=unnamed(number)))
        self._take_name_off.setEnabled(name != unnamed(number))
        self.label.setText(words.expression(label).capitalize())
        self.setAccessibleName(f"{name}: {words.expression(label)}")
        self._colour_label()

    def forget(self) -> None:
        """Another person comes: nothing of the one before may be shown with it."""
        self.thumb.forget()
        self.units.forget()

    def set_unsure_below(self, share: float) -> None:
        """Call an expression unsure that is less probable than this, from the next face on."""
        self._unsure_below = share

    def set_units_shown(self, shown: bool) -> None:
        """Show the action units, where there are any, or leave the room to the expressions."""
        self._units_shown = shown
        self.units.setVisible(shown and self._has_units)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Name the person."""
        self.name_wanted.emit(self.track_id)

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self._colours = colours
        self.thumb.set_colours(colours)
        self.bars.set_colours(colours)
        self.verdict.set_colours(colours)
        self.units.set_colours(colours)
        self._colour_label()

    def _show_verdict(self, result: FaceResult, judged: FaceResult | None) -> None:
        # Where verdicts are given at all they keep their place, contested or not.
        self.verdict.setVisible(result.verdict is not None)
        going_on = result.verdict is not None and bool(result.verdict.contested)
        self.verdict.show_judged(judged, going_on)
        verdict = judged.verdict if judged is not None else None
        differs = verdict is not None and verdict.own != verdict.chosen
        own = words.expression(verdict.own) if verdict is not None and differs else ""
        self.own.setText(tr("net alone: {expression}").format(expression=own) if own else "")

    def _lay_out(self) -> None:
        above = QHBoxLayout()
        above.addWidget(self.id_label, 1)
        above.addWidget(self.own)
        below = QHBoxLayout()
        below.addWidget(self.label, 1)
        below.addWidget(self.confidence)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addLayout(above)
        words.addLayout(below)
        head = QHBoxLayout()
        head.setSpacing(GAP)
        head.addWidget(self.thumb)
        head.addLayout(words, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(GAP, GAP - 2, GAP, GAP)
        column.setSpacing(GAP // 3)
        column.addLayout(head)
        column.addSpacing(GAP // 3)
        column.addWidget(self.bars)
        column.addSpacing(GAP // 3)
        column.addWidget(self.verdict)
        column.addWidget(self.units)

    def _take_actions(self) -> None:
        """Offer what can be done with a face to the mouse's menu and to the keyboard."""
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        rename = QAction(tr("Name this person…"), self)
        rename.setShortcut(Qt.Key.Key_F2)
        rename.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        rename.triggered.connect(lambda _=False: self.name_wanted.emit(self.track_id))
        self._take_name_off = QAction(tr("Take the name away"), self)
        self._take_name_off.triggered.connect(
            lambda _=False: self.name_unwanted.emit(self.track_id)
        )
        self.addActions([rename, self._take_name_off])

    def _colour_label(self) -> None:
        if self._shown_label:
            colour = label_colour(self._shown_label, self._colours)
            palette = self.label.palette()
            palette.setColor(self.label.foregroundRole(), colour)
            self.label.setPalette(palette)


def percent(share: float) -> str:
    """A share as people read it; the narrow space keeps number and sign together."""
    return f"{100 * share:.0f}\u202f%"
