"""The list of neutral faces."""

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QTableWidget,
    QTableWidgetItem,
    QWidget,
)

from ferdesk.profiles import Listed
from ferdesk.texts import tr

_COLUMNS: Final = (tr("Name"), tr("Recorded"), tr("Frames"), tr("Estimator"), tr("State"))
_WIDTHS: Final = (130, 130, 60, 140)


class NeutralTable(QTableWidget):
    """A row a profile; those that cannot be used say why."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, len(_COLUMNS), parent)
        self._listed: tuple[Listed, ...] = ()
        self.setAccessibleName(tr("Neutral faces"))
        self.setHorizontalHeaderLabels(list(_COLUMNS))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        header = self.horizontalHeader()
        header.setStretchLastSection(True)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        for column, width in enumerate(_WIDTHS):
            self.setColumnWidth(column, width)

    @property
    def current(self) -> Listed | None:
        """What is selected."""
        row = self.currentRow()
        return self._listed[row] if 0 <= row < len(self._listed) else None

    @property
    def names(self) -> tuple[str, ...]:
        """Of all that are listed."""
        return tuple(one.name for one in self._listed)

    def show_profiles(self, listed: Sequence[Listed], used: str, estimator: str) -> None:
        """List these, keeping what is selected.

        Args:
            listed: the profiles.
            used: name of the one that is taken off the units now; empty for none.
            estimator: what estimates the units now.
        """
        selected = self.current
        self._listed = tuple(listed)
        self.setRowCount(len(listed))
        for row, one in enumerate(listed):
            why_not = one.why_not(estimator, tr)
            for column, text in enumerate(_cells(one, used, why_not)):
                item = QTableWidgetItem(text)
                item.setToolTip(text)
                if why_not:
                    item.setForeground(self.palette().placeholderText())
                self.setItem(row, column, item)
        if self._listed:
            self.select(selected.name if selected is not None else used)

    def select(self, name: str) -> None:
        """Select the profile of a name, or the first."""
        names = self.names
        self.setCurrentCell(names.index(name) if name in names else 0, 0)


def _cells(one: Listed, used: str, why_not: str) -> tuple[str, ...]:
    state = why_not or (tr("In use") if one.name == used else "")
    profile = one.profile
    if profile is None:
        return one.name, "–", "–", "–", state
    when = f"{profile.recorded.astimezone():%Y-%m-%d %H:%M}"
    return one.name, when, f"{profile.values:,}", profile.estimator, state
