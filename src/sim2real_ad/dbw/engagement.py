"""Who drives: engaging needs a rising edge, any fault lets go, and letting go needs a new edge."""

from __future__ import annotations

from sim2real_ad.dbw.interface import FOLLOWING, Phase
from sim2real_ad.dbw.settings import WatchSettings
from sim2real_ad.dbw.traffic import MILLISECOND
from sim2real_ad.types import NANOSECONDS

COMMAND_LOST = "command_lost"
"""Reason: no usable command came for the protocol's timeout."""


class Engagement:
    """The phases of every drive-by-wire, and what to do while commands are missing.

    A car that follows is stopped as soon as the gate's command is missing (`stops`). If it is back in time, the car
    goes on; if not, the phase is `stopping`: the car brakes and then holds, whatever comes from the gate, until the
    driver takes over, something is wrong with the car, or a new edge asks for it.

    reasons: what ended or refused the last engagement; let_go: whether the last step gave the car away; quiet: whether
    nothing may be sent, for commands ceased while it was not known yet whether the car follows: it misses them and
    stops by itself. That lasts until commands are back or the gate wants nothing any more: a word from here could end
    the car's own stop.
    """

    def __init__(self, watch: WatchSettings) -> None:
        self._engaging_ns = round(watch.engaging_s * NANOSECONDS)
        self._command_timeout_ns = round(watch.command_timeout_ms * MILLISECOND)
        self._since_ns = self._commanded_ns = 0
        # A request that is there from the start is not an edge.
        self._requested = True
        self.phase: Phase = "disengaged"
        self.reasons: tuple[str, ...] = ()
        self.let_go = self.quiet = self.stops = False

    @property
    def follows(self) -> bool:
        """Whether the car does what it is told from here."""
        return self.phase in FOLLOWING

    def step(
        self, now_ns: int, request: bool, problem: str, obstacles: tuple[str, ...], enabled: bool, waiting_for: str
    ) -> None:
        """Decide once.

        request: what the gate wants; problem: what is wrong with its command, empty where nothing is; obstacles: what
        forbids this phase; enabled: whether the car follows; waiting_for: why it does not.
        """
        rising, self._requested = request and not self._requested, request
        active = self.phase != "disengaged"
        self.quiet = bool(problem) and request and (self.quiet or self.phase == "engaging")
        is_lost = self._is_command_lost(now_ns, problem)
        if self.phase == "disengaged":
            if rising:
                self._begin(now_ns, (*obstacles, problem) if problem else obstacles)
        elif self.phase == "stopping":
            self._stop(now_ns, rising and not problem, obstacles if enabled else (*obstacles, waiting_for))
        elif not request:
            self._disengage(())
        elif self.phase == "engaging":
            self._wait(now_ns, (*obstacles, COMMAND_LOST) if is_lost else obstacles, enabled, waiting_for)
        elif obstacles or not enabled:
            self._disengage(obstacles or (waiting_for,))
        elif is_lost:
            self.phase, self.reasons = "stopping", (COMMAND_LOST,)
        self.let_go = active and self.phase == "disengaged"
        self.stops = self.phase == "stopping" or (self.phase == "engaged" and bool(problem))

    def _is_command_lost(self, now_ns: int, problem: str) -> bool:
        if not problem or self.phase == "disengaged":
            self._commanded_ns = now_ns
        return now_ns - self._commanded_ns >= self._command_timeout_ns

    def _begin(self, now_ns: int, obstacles: tuple[str, ...]) -> None:
        self.reasons = tuple(dict.fromkeys(obstacles))
        if not obstacles:
            self.phase, self._since_ns = "engaging", now_ns

    def _wait(self, now_ns: int, obstacles: tuple[str, ...], enabled: bool, waiting_for: str) -> None:
        if obstacles:
            self._disengage(obstacles)
        elif enabled:
            self.phase = "engaged"
        elif now_ns - self._since_ns > self._engaging_ns:
            self._disengage(("engaging_timeout", waiting_for))

    def _stop(self, now_ns: int, asked_anew: bool, obstacles: tuple[str, ...]) -> None:
        if obstacles:
            self._disengage((*self.reasons, *obstacles))
        elif asked_anew:
            self._begin(now_ns, ())

    def _disengage(self, reasons: tuple[str, ...]) -> None:
        self.phase, self.reasons = "disengaged", tuple(dict.fromkeys(reasons))
