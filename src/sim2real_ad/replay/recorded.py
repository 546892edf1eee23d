"""What the stack that drove said when a bag was recorded: actions, commands and timings, by the stamp of the frame."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from sim2real_ad.evaluation.results import Latency, summarize_latency
from sim2real_ad.replay.results import Decision, Motion
from sim2real_ad.replay.roles import Role
from sim2real_ad.ros.conversions import action_from_message, command_from_message, ns_from_time
from sim2real_ad.ros.topics import CHAIN

KEPT = 500
"""Answers that wait for their frame."""


class Recorded:
    """Keeps the newest answers; the first one to a frame counts, for in real time the gate repeats itself."""

    def __init__(self) -> None:
        self._actions: OrderedDict[int, Decision] = OrderedDict()
        self._commands: OrderedDict[int, Motion] = OrderedDict()
        self._received_ns: OrderedDict[int, int] = OrderedDict()
        self._latencies_ms: list[float] = []

    def add(self, role: Role, message: Any) -> None:
        """Take an action, a command or a timing."""
        if role == "action":
            action = action_from_message(message)
            _keep(self._actions, action.stamp_ns, Decision.of(action))
        elif role == "control":
            command = command_from_message(message)
            _keep(self._commands, command.stamp_ns, Motion.of(command))
        elif role == "timing":
            self._add_timing(message)

    def of(self, stamp_ns: int) -> tuple[Decision | None, Motion | None]:
        """Return the action and the command that answered a frame, None where none was recorded."""
        return self._actions.pop(stamp_ns, None), self._commands.pop(stamp_ns, None)

    def latency(self) -> Latency | None:
        """Return how old the commands were when they left, ms, from the first stage's receipt; None where unknown."""
        return summarize_latency(self._latencies_ms)

    def _add_timing(self, message: Any) -> None:
        stamp_ns = ns_from_time(message.stamp)
        if message.stage == CHAIN[0]:
            _keep(self._received_ns, stamp_ns, message.received_ns)
        elif message.stage == CHAIN[-1]:
            received_ns = self._received_ns.pop(stamp_ns, None)
            if received_ns is not None:
                self._latencies_ms.append((message.published_ns - received_ns) / 1e6)


def _keep(kept: OrderedDict[int, Any], stamp_ns: int, value: Any) -> None:
    kept.setdefault(stamp_ns, value)
    if len(kept) > KEPT:
        kept.popitem(last=False)
