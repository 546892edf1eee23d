"""What goes over the bus and what comes: counters on the way out; counters, ages and losses on the way in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sim2real_ad.dbw.bits import CounterCheck, CounterStep
from sim2real_ad.dbw.codec import COUNTER, Codec, Decoded, Frame, FrameFault, MessageCode, Rejected

MILLISECOND = 1_000_000
"""Nanoseconds."""

BAD_FRAME_WINDOW_MS = 60
"""How long frames of one message may be wrong in a row: with steps of 20 ms the reaction is within 100 ms. A message
that is sent more seldom may not be wrong at all."""


FOREIGN_S = 0.5
"""s for which a command of somebody else on the bus is a fault."""

FAST_PERIOD_MS = 35
"""A report that comes at least this often must be missed sooner than the protocol demands."""


def watch_timeouts_ns(codec: Codec, names: Iterable[str], fast_timeout_ms: float) -> dict[str, int]:
    """Return how long each report may be silent: fast_timeout_ms if it is a fast one, else the protocol's timeout."""
    codes = [codec.messages[name] for name in names]
    return {
        code.name: round((fast_timeout_ms if code.period_ms <= FAST_PERIOD_MS else code.timeout_ms) * MILLISECOND)
        for code in codes
    }


class Timer:
    """Says when something is due that is sent every so often. The mean period holds where steps do not divide it."""

    def __init__(self, period_ms: float) -> None:
        self._period_ns = round(period_ms * MILLISECOND)
        self._next_ns: int | None = None

    def is_due(self, now_ns: int) -> bool:
        """Return whether it is time, and count on if it is."""
        if self._next_ns is not None and now_ns < self._next_ns:
            return False
        late = self._next_ns is None or now_ns - self._next_ns >= self._period_ns
        self._next_ns = (now_ns if late or self._next_ns is None else self._next_ns) + self._period_ns
        return True


class Sender:
    """Encodes frames and counts on: one counter a message, from 0."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._counters: dict[str, int] = {}

    def frame(self, name: str, values: Mapping[str, float]) -> Frame:
        """Encode the next frame of a message; values are all its signals but counter, CRC and complement.

        Raises DbwError where a value cannot be sent; the counter then stays.
        """
        return self._frame(name, values, 1)

    def again(self, name: str, values: Mapping[str, float]) -> Frame:
        """Encode a frame with the counter of the one before, as a module does whose counter is stuck."""
        return self._frame(name, values, 0)

    def _frame(self, name: str, values: Mapping[str, float], ahead: int) -> Frame:
        bits = self._codec.messages[name].counter_bits if name in self._codec.messages else 0
        if not bits:
            return self._codec.encode(name, values)
        counter = (self._counters.get(name, -1) + ahead) % (1 << bits)
        frame = self._codec.encode(name, {**values, COUNTER: counter})
        self._counters[name] = counter
        return frame


@dataclass(slots=True)
class Log:
    """What came of one message. stamp_ns: of the last good frame, None before one came; wrong: bad frames since."""

    code: MessageCode
    timeout_ns: int
    counter: CounterCheck | None
    stamp_ns: int | None = None
    latest: Decoded | None = None
    wrong: int = 0
    fault: FrameFault | None = None

    @property
    def lost(self) -> int:
        """Frames that the counter shows to be missing, at least."""
        return self.counter.missing if self.counter else 0

    @property
    def tolerated(self) -> int:
        """How many wrong frames in a row are borne with."""
        return BAD_FRAME_WINDOW_MS // self.code.period_ms if self.code.period_ms else 0


class Receiver:
    """Decodes frames, believes no repeated counter, and knows how old the newest good frame of each message is.

    timeouts_ns: how long a message may be silent; messages that are not in it are never missed. strict_counters: a
    counter must rise by exactly one, as PACMod3 has it, and not merely change, as DBW2 has it. strict_values: a frame
    with a value outside of its range is not believed at all; else that value alone is unknown.
    """

    def __init__(
        self,
        codec: Codec,
        timeouts_ns: Mapping[str, int],
        *,
        strict_counters: bool = False,
        strict_values: bool = False,
    ) -> None:
        self._codec = codec
        self._timeouts = dict(timeouts_ns)
        self._strict_values = strict_values
        self._unbelieved = {CounterStep.REPEATED}
        if strict_counters:
            self._unbelieved |= {CounterStep.MISSING, CounterStep.JUMPED}
        self.logs = {name: self._log(code) for name, code in codec.messages.items()}

    def receive(self, frame: Frame, now_ns: int) -> Decoded | Rejected:
        """Take a frame. Never raises: what is wrong with it is in the answer and in its message's log."""
        answer = self._codec.decode(frame)
        if answer.name not in self.logs:
            return answer
        log = self.logs[answer.name]
        if isinstance(answer, Decoded):
            answer = self._counted(answer, log, now_ns)
        if isinstance(answer, Decoded) and answer.invalid and self._strict_values:
            answer = Rejected("value", answer.name, f"{', '.join(answer.invalid)} out of range")
        if isinstance(answer, Rejected):
            log.wrong, log.fault = log.wrong + 1, answer.fault
            return answer
        log.latest, log.stamp_ns, log.wrong, log.fault = answer, now_ns, 0, None
        return answer

    def values(self, name: str) -> Mapping[str, float]:
        """Return the newest good values of a message, empty before one came."""
        latest = self.logs[name].latest
        return latest.values if latest else {}

    def value(self, name: str, signal: str) -> float:
        """Return one signal's newest good value in the DBC's unit, NaN where it is not known."""
        return self.values(name).get(signal, math.nan)

    def is_set(self, name: str, signal: str) -> bool:
        """Return whether a flag was set in the newest good frame."""
        return self.values(name).get(signal, 0) == 1

    def age_s(self, name: str, now_ns: int) -> float:
        """Return the age of a message's newest good frame in s, infinite before one came."""
        stamp = self.logs[name].stamp_ns
        return math.inf if stamp is None else (now_ns - stamp) / 1e9

    def fresh(self, name: str, now_ns: int) -> bool:
        """Return whether a watched message's newest good frame is young enough."""
        log = self.logs[name]
        # A clock that goes back must not make an old frame young.
        return log.stamp_ns is not None and abs(now_ns - log.stamp_ns) < log.timeout_ns

    def faults(self, now_ns: int) -> tuple[str, ...]:
        """Return what is wrong with the watched messages now: `<message>_<missing|timeout|crc|counter|...>`."""
        return tuple(self._faults(now_ns))

    def foreign(self, commands: Iterable[str], now_ns: int) -> Iterable[str]:
        """Name the commands that somebody else put on the bus of late: `foreign_<message>`."""
        return (f"foreign_{name.lower()}" for name in commands if self.age_s(name, now_ns) < FOREIGN_S)

    def _faults(self, now_ns: int) -> Iterable[str]:
        for name in self._timeouts:
            log = self.logs[name]
            silent = not self.fresh(name, now_ns)
            if log.fault and (silent or log.wrong > log.tolerated):
                yield f"{name.lower()}_{log.fault}"
            elif silent:
                yield f"{name.lower()}_{'missing' if log.stamp_ns is None else 'timeout'}"

    def _counted(self, decoded: Decoded, log: Log, now_ns: int) -> Decoded | Rejected:
        if log.counter is None:
            return decoded
        if log.stamp_ns is not None and log.timeout_ns and now_ns - log.stamp_ns > log.timeout_ns and not log.wrong:
            log.counter.forget()
        step = log.counter.step(int(decoded.values[COUNTER]))
        if step in self._unbelieved:
            return Rejected("counter", decoded.name, f"{int(decoded.values[COUNTER])} {step.value}")
        return decoded

    def _log(self, code: MessageCode) -> Log:
        check = CounterCheck(1 << code.counter_bits) if code.counter_bits else None
        return Log(code, self._timeouts.get(code.name, 0), check)
