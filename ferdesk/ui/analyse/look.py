"""The colours of what only this workspace has."""

from typing import Final

from ferdesk import resources
from ferdesk.ui.theme import Colours

_CHECK: Final = (resources.root() / "icons" / "check.svg").as_posix()


def style_sheet(colours: Colours) -> str:
    """The style sheet of the workspace."""
    return f"""
QTableView {{
    background: {colours.surface}; border: 1px solid {colours.border}; border-radius: 10px;
    selection-background-color: {colours.raised}; selection-color: {colours.text};
    outline: none;
}}
QTableView:focus {{ border-color: {colours.accent}; }}
QTableView::item {{ padding: 0 3px; border: none; }}
QTableView::item:selected {{ background: {colours.raised}; }}
QHeaderView {{ background: transparent; border: none; }}
QHeaderView::section {{
    background: transparent; color: {colours.muted}; border: none; padding: 6px;
    border-bottom: 1px solid {colours.border};
}}
QProgressBar {{
    background: {colours.raised}; color: {colours.text}; border: none; border-radius: 5px;
    text-align: center; min-height: 16px; max-height: 16px;
}}
QProgressBar::chunk {{ background: {colours.accent}; border-radius: 5px; }}
QCheckBox {{ color: {colours.text}; }}
QCheckBox:disabled {{ color: {colours.muted}; }}
QCheckBox::indicator {{
    background: {colours.surface}; border: 1px solid {colours.muted}; border-radius: 4px;
    width: 14px; height: 14px;
}}
QCheckBox::indicator:checked {{
    background: {colours.accent}; border-color: {colours.accent}; image: url("{_CHECK}");
}}
QCheckBox::indicator:checked:disabled {{
    background: {colours.muted}; border-color: {colours.muted};
}}
QCheckBox::indicator:focus {{ border-color: {colours.text}; }}
#details {{
    background: {colours.surface}; border: 1px solid {colours.border}; border-radius: 10px;
    padding: 8px;
}}
"""
