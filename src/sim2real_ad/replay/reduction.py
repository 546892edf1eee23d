"""How one number is made of many frames, and where it is worst."""

from __future__ import annotations

import math
import re
from array import array
from collections import deque

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim2real_ad.config import StrictModel
from sim2real_ad.types import ns_from_seconds, seconds_from_ns

TAKES, YES_NO_TAKES = ("max", "min", "mean", "rms"), ("share", "count", "longest")
QUANTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")

Values = NDArray[np.float64]


class Series:
    """The values of the frames that count. starts: places at which a stretch without a break begins."""

    def __init__(self) -> None:
        self.stamps_ns = array("q")
        self.values = array("d")
        self.starts: list[int] = []
        self._broken = True

    def add(self, stamp_ns: int, value: float | None) -> None:
        """Add a frame's value; None breaks the stretch, as a stamp that goes back does."""
        if value is None:
            self._broken = True
            return
        if self._broken or stamp_ns < self.stamps_ns[-1]:
            self.starts.append(len(self.values))
        self._broken = False
        self.stamps_ns.append(stamp_ns)
        self.values.append(value)


class Reduction(StrictModel):
    """take: max, min, mean, rms or a quantile (p99) of a number; share, count or longest (s without a break) of a yes
    or no. share_over, share_under: instead, the share of frames above or below a value. hold: s for which a max or min
    must last to count."""

    take: str = ""
    share_over: float | None = None
    share_under: float | None = None
    hold: float = Field(default=0.0, ge=0.0, le=3600.0)

    @property
    def reduces(self) -> bool:
        """Whether it says anything."""
        return bool(self._ways) or self.hold > 0.0

    @property
    def _ways(self) -> list[str]:
        shares = (("share_over", self.share_over), ("share_under", self.share_under))
        return [self.take] * bool(self.take) + [name for name, value in shares if value is not None]

    def check(self, of: str, *, yes_no: bool) -> None:
        """Raises ValueError where it does not suit the quantity `of`."""
        if len(self._ways) != 1:
            raise ValueError("needs one of take, share_over and share_under")
        takes = YES_NO_TAKES if yes_no else TAKES
        if self.take not in takes and (yes_no or (self.take and not QUANTILE.fullmatch(self.take))):
            raise ValueError(f"take of {of} is one of {', '.join(takes)}{'' if yes_no else ', or a quantile as p99'}")
        if self.hold and self.take not in ("max", "min"):
            raise ValueError("hold goes with take: max and take: min")

    def words(self, of: str) -> str:
        """Return what is made of the quantity `of`, in words."""
        for word, value in (("over", self.share_over), ("under", self.share_under)):
            if value is not None:
                return f"share of {of} {word} {value:g}"
        return f"{self.take} of {of}{f' that lasts {self.hold:g} s' if self.hold else ''}"

    def apply(self, series: Series, *, low_is_worse: bool) -> tuple[float, int | None] | None:
        """Return the number, and the place of the frame where it is worst, None for a share or count of nothing; None
        where nothing lasts for the hold. low_is_worse: which end of a mean's values to point at. There must be
        values."""
        found = self._found(np.frombuffer(series.values), series, low_is_worse)
        if found is None or found[0] or self.take not in ("", *YES_NO_TAKES):
            return found
        return found[0], None

    def _found(self, values: Values, series: Series, low_is_worse: bool) -> tuple[float, int] | None:
        if self.take in ("max", "min"):
            sign = 1.0 if self.take == "max" else -1.0
            found = _lasting(sign * values, series, ns_from_seconds(self.hold))
            return None if found is None else (sign * found[0], found[1])
        highest, lowest = int(values.argmax()), int(values.argmin())
        if self.share_over is not None:
            return float((values > self.share_over).mean()), highest
        if self.share_under is not None:
            return float((values < self.share_under).mean()), lowest
        if self.take == "longest":
            return _longest(values, series)
        if self.take == "count":
            return float(values.sum()), highest
        if self.take == "rms":
            return math.sqrt(float(np.square(values).mean())), int(np.abs(values).argmax())
        if self.take in ("mean", "share"):
            return float(values.mean()), lowest if low_is_worse else highest
        at = float(self.take[1:]) / 100.0
        return _quantile(values, at), highest if at >= 0.5 else lowest


def _quantile(values: Values, at: float) -> float:
    """Return a quantile, linear between order statistics; values may be infinite."""
    ordered = np.sort(values)
    place = at * (len(ordered) - 1)
    below, above, part = float(ordered[math.floor(place)]), float(ordered[math.ceil(place)]), place % 1.0
    return below if part == 0.0 or below == above else below + part * (above - below)


def _lasting(values: Values, series: Series, hold_ns: int) -> tuple[float, int] | None:
    """Return the greatest value that is not undercut for hold_ns, and where its time is full.

    In one pass, the least value of every stretch that is just as long as the hold: `least` holds the places still in
    the stretch whose values are undercut by no later one.
    """
    best: tuple[float, int] | None = None
    stamps = series.stamps_ns
    for start, end in zip(series.starts, [*series.starts[1:], len(values)], strict=True):
        least: deque[int] = deque()
        first = start
        for place in range(start, end):
            while least and values[least[-1]] >= values[place]:
                least.pop()
            least.append(place)
            while first < place and stamps[place] - stamps[first + 1] >= hold_ns:
                first += 1
            while least[0] < first:
                least.popleft()
            full = stamps[place] - stamps[first] >= hold_ns
            if full and (best is None or values[least[0]] > best[0]):
                best = float(values[least[0]]), place
    return best


def _longest(values: Values, series: Series) -> tuple[float, int]:
    """Return the longest time, s, for which it is yes without a break, and where that time begins."""
    starts, best_ns, best_at, since = set(series.starts), 0, int(values.argmax()), 0
    for place, value in enumerate(values):
        if place in starts or not value or not values[since]:
            since = place
        lasted = series.stamps_ns[place] - series.stamps_ns[since]
        if lasted > best_ns:
            best_ns, best_at = lasted, since
    return seconds_from_ns(best_ns), best_at
