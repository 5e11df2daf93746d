"""The settings dialog: sections at the left, their preferences at the right, a search on top."""

from typing import Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ferdesk.preferences.model import Preferences
from ferdesk.preferences.table import TABLE, section_title
from ferdesk.texts import tr
from ferdesk.ui.banner import BannerStack
from ferdesk.ui.preferences.keeper import PreferencesKeeper
from ferdesk.ui.preferences.row import PreferenceRow
from ferdesk.ui.theme import GAP, Colours, named, plain_buttons

_SECTIONS_WIDTH: Final = 140
_SECTION_HEIGHT: Final = 34
_KEY: Final = "preferences"
"""Of the messages."""


class PreferencesDialog(QDialog):
    """Every preference; each change holds at once.

    Args:
        keeper: holds the preferences.
        colours: the theme's.
        parent: the window.
    """

    def __init__(
        self, keeper: PreferencesKeeper, colours: Colours, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("preferences")
        self.setWindowTitle(tr("Settings"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._keeper = keeper
        self.banners = BannerStack()
        self.search = QLineEdit()
        self.search.setPlaceholderText(tr("Search settings (Ctrl+F)"))
        self.search.setAccessibleName(tr("Search settings"))
        self.search.setClearButtonEnabled(True)
        self.sections = named(QListWidget(), "sections")
        self.sections.setAccessibleName(tr("Sections"))
        self.sections.setFixedWidth(_SECTIONS_WIDTH)
        self.nothing = named(QLabel(tr("No setting is called so.")), "muted")
        self.rows = {
            key: PreferenceRow(row.translated(), keeper.set, self._reset)
            for key, row in TABLE.items()
        }
        self._headings = {
            name: named(QLabel(tr(section_title(name))), "heading")
            for name in Preferences.model_fields
        }
        self._area = QScrollArea()
        self._buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._reset_all = self._buttons.addButton(
            tr("Reset all"), QDialogButtonBox.ButtonRole.ResetRole
        )
        plain_buttons(self._buttons)
        self._lay_out()
        self._connect()
        self.set_colours(colours)
        self._show(keeper.now)
        self.sections.setCurrentRow(0)
        self.setMinimumSize(720, 420)
        self.resize(860, 600)

    def set_colours(self, colours: Colours) -> None:
        """Follow the theme."""
        self.banners.set_colours(colours)

    def show_section(self, name: str) -> None:
        """Show one section, and no more search."""
        self.search.clear()
        self.sections.setCurrentRow(list(self._headings).index(name))

    def _lay_out(self) -> None:
        inner = named(QWidget(), "cards")
        column = QVBoxLayout(inner)
        column.setContentsMargins(GAP, 0, GAP, 0)
        column.setSpacing(GAP // 2)
        column.addWidget(self.nothing)
        for name, heading in self._headings.items():
            column.addWidget(heading)
            for row in self.rows.values():
                if row.row.section == name:
                    column.addWidget(row)
        column.addStretch(1)
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(inner)
        for heading in self._headings.values():
            item = QListWidgetItem(heading.text(), self.sections)
            item.setSizeHint(QSize(0, _SECTION_HEIGHT))
        middle = QHBoxLayout()
        middle.setSpacing(GAP)
        middle.addWidget(self.sections)
        middle.addWidget(self._area, 1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(GAP, GAP, GAP, GAP)
        whole.setSpacing(GAP)
        whole.addWidget(self.search)
        whole.addWidget(self.banners)
        whole.addLayout(middle, 1)
        whole.addWidget(self._buttons)

    def _connect(self) -> None:
        keeper = self._keeper
        keeper.changed.connect(self._show)
        keeper.failed.connect(self._failed)
        keeper.kept_aside.connect(self._kept_aside)
        self.search.textChanged.connect(lambda _: self._filter())
        self.sections.currentRowChanged.connect(lambda _: self._filter())
        self._buttons.rejected.connect(self.reject)
        self._reset_all.clicked.connect(lambda _=False: self._reset_everything())
        # Enter ends the typing of a value; it must press no button.
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.activated.connect(self.search.setFocus)

    def _show(self, preferences: Preferences) -> None:
        for row in self.rows.values():
            row.follow(preferences)
        self._reset_all.setEnabled(preferences != Preferences())

    def _reset_everything(self) -> None:
        self._keeper.reset()
        for row in self.rows.values():
            row.show_value(self._keeper.now)

    def _reset(self, key: str) -> None:
        self._keeper.reset(key)
        self.rows[key].show_value(self._keeper.now)  # also where a wrong text is all that changes

    def _filter(self) -> None:
        """Show what is searched for, else the section that is chosen."""
        words = self.search.text().casefold().split()
        chosen = list(self._headings)[max(self.sections.currentRow(), 0)]
        shown = set()
        for row in self.rows.values():
            fits = row.matches(words) if words else row.row.section == chosen
            row.setVisible(fits)
            if fits:
                shown.add(row.row.section)
        for name, heading in self._headings.items():
            heading.setVisible(name in shown)
        self.sections.setEnabled(not words)
        self.nothing.setVisible(not shown)
        self._area.verticalScrollBar().setValue(0)

    def _failed(self, text: str) -> None:
        self.banners.show_message(_KEY, text, "error")

    def _kept_aside(self, where: object) -> None:
        text = tr("The file of settings could not be read. It was kept as {path}.")
        self.banners.show_message(_KEY, text.format(path=where), "warning")
