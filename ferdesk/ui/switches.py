"""What the live workspace switches on and off with a key or a button."""

from collections.abc import Callable, Mapping
from typing import Final

from ferdesk.texts import tr
from ferdesk.ui.actions import ActionName
from ferdesk.ui.live import PipelineState
from ferdesk.ui.preferences.keeper import PreferencesKeeper
from ferdesk.ui.top_bar import TopBar

NO_MAPS: Final = tr("{net} has no activation maps: its net does not end in global average pooling")

_KEYS: Final[Mapping[ActionName, str]] = {
    "units": "display.units",
    "tint": "display.muscles",
    "maps": "display.maps",
    "mirror": "source.mirror",
}
"""Each switch is a preference, so that it is remembered."""

_SAID: Final[Mapping[ActionName, tuple[str, str]]] = {
    "units": (tr("Action units: hidden"), tr("Action units: shown")),
    "tint": (tr("Muscles: not tinted"), tr("Muscles: tinted")),
    "maps": (
        tr("Activation map: off"),
        tr("Activation map: purple speaks for the shown expression, green against it"),
    ),
    "mirror": ("", tr("Mirrored; left and right in the numbers stay the person's own")),
}
"""For a moment, when it is off and when it is on."""


class Switches:
    """The switches.

    Args:
        keeper: remembers them.
        say: says something for a moment.
    """

    def __init__(self, keeper: PreferencesKeeper, say: Callable[[str], None]) -> None:
        self._keeper = keeper
        self._say = say
        self._no_maps = ""

    def slots(self) -> dict[ActionName, Callable[[], None]]:
        """What turns each of them."""

        def turning(name: ActionName) -> Callable[[], None]:
            return lambda: self.toggle(name)

        return {name: turning(name) for name in _KEYS}

    def toggle(self, name: ActionName) -> None:
        """Turn one on or off."""
        if name == "maps" and self._no_maps:
            self._say(self._no_maps)
            return
        on = not self.on(name)
        self._keeper.set(_KEYS[name], on)
        self._say(_SAID[name][on])

    def on(self, name: ActionName) -> bool:
        """Whether one is on."""
        section, _, field = _KEYS[name].partition(".")
        return bool(getattr(getattr(self._keeper.now, section), field))

    def show(self, top: TopBar) -> None:
        """Show all of them as they are."""
        for name in _KEYS:
            top.show_on(name, self.on(name))

    def pipeline_changed(self, state: PipelineState, top: TopBar) -> None:
        """Offer what this pipeline can do, and say why it cannot do the rest."""
        missing = bool(state.bundle) and not state.has_maps
        self._no_maps = NO_MAPS.format(net=state.bundle) if missing else ""
        top.set_possible("maps", self._no_maps)
