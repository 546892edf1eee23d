"""The order in which a bag's messages are replayed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from heapq import heappop, heappush

from sim2real_ad.evaluation.mcap_stream import RawMessage
from sim2real_ad.replay.roles import Role

Placed = tuple[Role, RawMessage]
WINDOW_NS = 500_000_000
"""Log time over which messages are sorted by their stamps."""
RESTART_NS = 1_000_000_000
"""Stamps that go back by more begin a new drive."""
RANKS: dict[Role, int] = {"episode": 0, "route": 1, "path": 1, "image": 3, "compressed": 3}
"""Of one stamp, what sets the scene comes first and the picture last; the rest lies between."""
LATER: dict[Role, int] = {"observation": 4, "action": 5, "request": 6, "control": 7, "gate_status": 8, "timing": 9}
"""What was answered to a picture."""


def by_stamp(messages: Iterable[Placed], stamp_of: Callable[[RawMessage], int]) -> Iterator[Placed]:
    """Sort messages of a drive in lock-step by their stamps, within a window of log time.

    There a stamp says what belongs together, and a recorder that listens to many topics hears them in any order. Where
    stamps go back, all that came before is given out first.
    """
    waiting: list[tuple[int, int, int, Placed]] = []
    newest_ns = 0
    for count, (role, message) in enumerate(messages):
        stamp_ns = stamp_of(message)
        if stamp_ns < newest_ns - RESTART_NS:
            while waiting:
                yield heappop(waiting)[3]
            newest_ns = 0
        newest_ns = max(newest_ns, stamp_ns)
        heappush(waiting, (stamp_ns, _rank(role), count, (role, message)))
        while waiting[0][3][1].log_time_ns < message.log_time_ns - WINDOW_NS:
            yield heappop(waiting)[3]
    while waiting:
        yield heappop(waiting)[3]


def _rank(role: Role) -> int:
    return RANKS.get(role, LATER.get(role, 2))
