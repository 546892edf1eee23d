"""Batches made ahead of the network that takes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Made = TypeVar("Made")
AHEAD = 3
"""Batches that wait at the most."""


def prefetched(makers: Iterable[Callable[[], Made]]) -> Iterator[Made]:
    """Yield what each maker makes, in order; a thread of its own makes them, one at a time."""
    with ThreadPoolExecutor(1) as thread:
        coming: deque[Future[Made]] = deque()
        for make in makers:
            coming.append(thread.submit(make))
            if len(coming) > AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
