"""Who drives: engaging needs a rising edge, any fault lets go, and letting go needs a new edge."""

from __future__ import annotations

from sim2real_ad.dbw.interface import Phase
from sim2real_ad.dbw.settings import WatchSettings
from sim2real_ad.dbw.traffic import MILLISECOND
from sim2real_ad.types import NANOSECONDS


class Engagement:
    """The three phases of every drive-by-wire, and what to do while commands are missing.

    reasons: what ended or refused the last engagement; let_go: whether the last step ended one; quiet: whether nothing
    may be sent, so that the car misses its commands and stops by itself. Silence lasts until commands are back or the
    gate wants nothing any more: a word from here could end the car's own stop.
    """

    def __init__(self, watch: WatchSettings) -> None:
        self._engaging_ns = round(watch.engaging_s * NANOSECONDS)
        self._command_timeout_ns = round(watch.command_timeout_ms * MILLISECOND)
        self._since_ns = self._commanded_ns = 0
        # A request that is there from the start is not an edge.
        self._requested = True
        self.phase: Phase = "disengaged"
        self.reasons: tuple[str, ...] = ()
        self.let_go = self.quiet = False

    def step(
        self, now_ns: int, request: bool, problem: str, obstacles: tuple[str, ...], enabled: bool, waiting_for: str
    ) -> None:
        """Decide once.

        request: what the gate wants; problem: what is wrong with its command, empty where nothing is; obstacles: what
        forbids this phase; enabled: whether the car follows; waiting_for: why it does not.
        """
        rising, self._requested = request and not self._requested, request
        active = self.phase != "disengaged"
        self.quiet = bool(problem) and request and (self.quiet or active)
        obstacles += self._command_obstacles(now_ns, problem, active)
        if not active:
            if rising:
                self._begin(now_ns, obstacles)
        elif not request:
            self._disengage(())
        elif obstacles:
            self._disengage(obstacles)
        elif self.phase == "engaging":
            self._wait(now_ns, enabled, waiting_for)
        elif not enabled:
            self._disengage((waiting_for,))
        self.let_go = active and self.phase == "disengaged"

    def _command_obstacles(self, now_ns: int, problem: str, active: bool) -> tuple[str, ...]:
        if not active or not problem:
            self._commanded_ns = now_ns
            return (problem,) if problem else ()
        return ("command_lost",) if now_ns - self._commanded_ns >= self._command_timeout_ns else ()

    def _begin(self, now_ns: int, obstacles: tuple[str, ...]) -> None:
        self.reasons = tuple(dict.fromkeys(obstacles))
        if not obstacles:
            self.phase, self._since_ns = "engaging", now_ns

    def _wait(self, now_ns: int, enabled: bool, waiting_for: str) -> None:
        if enabled:
            self.phase = "engaged"
        elif now_ns - self._since_ns > self._engaging_ns:
            self._disengage(("engaging_timeout", waiting_for))

    def _disengage(self, reasons: tuple[str, ...]) -> None:
        self.phase, self.reasons = "disengaged", tuple(dict.fromkeys(reasons))
