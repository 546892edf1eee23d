"""For how long a car follows its newest command, as drive-by-wire hardware does."""

from __future__ import annotations

from sim2real_ad.types import ControlCommand


class CommandHold:
    """Whether the car follows commands: as drive-by-wire hardware does, it gives up where none comes for hold_s.

    hold_s None: time waits for the command (lock-step), so none is ever late. Clocks are arguments, in s.
    """

    def __init__(self, hold_s: float | None) -> None:
        self._hold_s = hold_s
        self.reset()

    def reset(self) -> None:
        """Begin anew: before the first command nobody has taken over yet, and nothing is late."""
        self.command: ControlCommand | None = None
        self._since_s = 0.0

    def take(self, command: ControlCommand, now_s: float) -> None:
        """Note a command."""
        self.command, self._since_s = command, now_s

    def follows(self, now_s: float) -> bool:
        """Return whether the newest command still holds."""
        return self.command is None or self._hold_s is None or now_s - self._since_s <= self._hold_s
