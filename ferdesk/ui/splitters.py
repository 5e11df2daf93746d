"""How the user divided the room between parts of the window: read off, and set again."""

from collections.abc import Mapping

from PySide6.QtWidgets import QSplitter, QWidget

Sizes = dict[str, tuple[int, ...]]
"""Pixels of each splitter's parts, by the splitter's object name."""


def sizes_of(widget: QWidget) -> Sizes:
    """The sizes of all named splitters in a widget that were ever laid out."""
    found = {one.objectName(): tuple(one.sizes()) for one in widget.findChildren(QSplitter)}
    return {name: sizes for name, sizes in found.items() if name and any(sizes)}


def divide(widget: QWidget, sizes: Mapping[str, tuple[int, ...]]) -> None:
    """Divide the room in a widget as it was before; splitters that have changed stay as they are.

    Args:
        widget: what has the splitters in it.
        sizes: as `sizes_of` gave them.
    """
    for splitter in widget.findChildren(QSplitter):
        before = sizes.get(splitter.objectName(), ())
        if len(before) == splitter.count() and any(before):
            splitter.setSizes(list(before))
