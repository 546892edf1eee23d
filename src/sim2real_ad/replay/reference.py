"""A replay against an earlier one of the same bag, message by message and field by field.

Messages belong together by their stamp, whatever their order; one that only one side has is told. Both files are read
line by line, and only what still waits for its counterpart is kept.
"""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import NonNegativeFloat, NonNegativeInt

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.replay.results import ReplayFrame
from sim2real_ad.replay.summary import PARTS
from sim2real_ad.types import seconds_from_ns

PLACE = ("index", "stamp_ns")
"""Where a frame stands, which is not compared: a missing frame would shift every later index."""

ABSENT = object()


class FirstDifference(StrictModel):
    """The earliest of the replay's frames that differs, and in it the field nearest to the cause.

    index: of the frame; time_s: since the first frame; replayed, reference: the values as JSON, "absent" for none.
    """

    index: NonNegativeInt
    stamp_ns: int
    time_s: float
    field: str
    replayed: str
    reference: str


class FieldDifference(StrictModel):
    """One field that is not the same everywhere. frames: with a difference beyond the tolerance; worst: greatest
    absolute difference of two numbers, in the field's unit, None where none can be subtracted; at_ns, time_s: of the
    worst, or else of the first."""

    field: str
    tolerance: NonNegativeFloat
    frames: NonNegativeInt
    worst: NonNegativeFloat | None
    at_ns: int
    time_s: float


class Unmatched(StrictModel):
    """Frames that only one side has. at_ns, time_s: of the first, None where there is none."""

    frames: NonNegativeInt = 0
    at_ns: int | None = None
    time_s: float | None = None


class ReferenceComparison(StrictModel):
    """frames: compared; equal: all of them, within the tolerances, none missing and at least one compared; differing:
    frames with any difference beyond its tolerance; missing: only in the reference; added: only in the replay; fields:
    those that are not exactly the same everywhere, in the order in which a frame holds them."""

    frames: NonNegativeInt
    equal: bool
    differing: NonNegativeInt = 0
    missing: Unmatched = Unmatched()
    added: Unmatched = Unmatched()
    first: FirstDifference | None = None
    fields: tuple[FieldDifference, ...] = ()

    def describe(self, renew: str) -> str:
        """Return the outcome as text. renew: the command that makes this replay the reference; the last line where
        the two differ."""
        if self.equal:
            return "\n".join([f"equal to the reference: {_count(self.frames)} compared", *self._table()])
        lines = [f"NOT equal to the reference: {_count(self.frames)} compared, {self.differing} differ"]
        if self.first is not None:
            f = self.first
            lines.append(f"first difference: frame {f.index} at {f.time_s:.3f} s (stamp {f.stamp_ns}):")
            lines.append(f"  {f.field} is {f.replayed}, in the reference {f.reference}")
        for unmatched, where in ((self.missing, "the reference"), (self.added, "this replay")):
            if unmatched.frames:
                at = f"the first at {unmatched.time_s:.3f} s (stamp {unmatched.at_ns})"
                lines.append(f"{_count(unmatched.frames)} only in {where}, {at}")
        return "\n".join([*lines, *self._table(), "if this change is meant, renew the reference:", f"  {renew}"])

    def _table(self) -> list[str]:
        """Return a line a field, in columns."""
        if not self.fields:
            return []
        rows = [("field", "frames", "worst", "tolerance", "at")]
        for f in self.fields:
            worst = "-" if f.worst is None else f"{f.worst:.6g}"
            rows.append((f.field, str(f.frames), worst, f"{f.tolerance:g}", f"{f.time_s:.3f} s"))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def compare_with_reference(
    replayed: Path, reference: Path, tolerances: Mapping[str, float] | None = None
) -> ReferenceComparison:
    """Compare two result.jsonl. tolerances: greatest absolute difference by field or pattern (`command.*`), in the
    field's unit; the first that matches counts, and without one a field must be exactly the same.

    Raises SourceError naming the file and the line that is no frame, ConfigError for an impossible tolerance.
    """
    ledger = _Ledger(check_tolerances(tolerances or {}))
    for ours, theirs in _pairs(_messages(replayed), _messages(reference)):
        ledger.add(ours, theirs)
    return ledger.comparison()


def check_tolerances(tolerances: Mapping[str, float]) -> dict[str, float]:
    """Return them. Raises ConfigError for one that is negative or not finite, or whose pattern fits no field."""
    known = field_names()
    for pattern, tolerance in tolerances.items():
        if not 0.0 <= tolerance < math.inf:
            raise ConfigError(f"tolerance of {pattern} must be a number from 0 on, got {tolerance}")
        if not any(fnmatchcase(name, pattern) for name in known):
            raise ConfigError(f"tolerance of {pattern}: no such field; the fields are {', '.join(known)}")
    return dict(tolerances)


def field_names() -> list[str]:
    """Return what is compared of a frame, dotted."""
    names: list[str] = []
    for name in ReplayFrame.model_fields:
        if name not in PLACE:
            names += [f"{name}.{field}" for field in PARTS[name].model_fields] if name in PARTS else [name]
    return names


class _Message(NamedTuple):
    """A line of result.jsonl. line: its number, from 1."""

    line: int
    stamp_ns: int
    values: dict[str, Any]


class _Ledger:
    """What has been found so far."""

    def __init__(self, tolerances: Mapping[str, float]) -> None:
        self._tolerances = tolerances
        self._tolerance_of: dict[str, float] = {}
        self._frames = self._differing = 0
        self._fields: dict[str, _FieldLedger] = {}
        self._first: tuple[_Message, str, Any, Any] | None = None
        self._starts_ns: list[int] = []
        self._only: tuple[list[int], list[int]] = ([], [])

    def add(self, ours: _Message | None, theirs: _Message | None) -> None:
        """Take a pair of lines of one stamp, None where a side has none."""
        for message in (ours, theirs):
            if message is not None and message.line == 1:
                self._starts_ns.append(message.stamp_ns)
        if ours is not None and theirs is not None:
            self._compare(ours, theirs)
        elif ours is not None:
            self._only[0].append(ours.stamp_ns)
        elif theirs is not None:
            self._only[1].append(theirs.stamp_ns)

    def comparison(self) -> ReferenceComparison:
        """Return what all pairs come to."""
        added, missing = map(self._unmatched, self._only)
        equal = self._frames > 0 and not (self._differing or added.frames or missing.frames)
        order = {name: place for place, name in enumerate(field_names())}
        fields = sorted(self._fields.items(), key=lambda item: order.get(item[0], -1))
        return ReferenceComparison(
            frames=self._frames,
            equal=equal,
            differing=self._differing,
            missing=missing,
            added=added,
            first=self._first_difference(),
            fields=tuple(self._field(name, ledger) for name, ledger in fields),
        )

    def _compare(self, ours: _Message, theirs: _Message) -> None:
        self._frames += 1
        beyond = False
        for name, mine, other in _unequal(ours.values, theirs.values):
            tolerance = self._tolerance(name)
            difference = _difference(mine, other)
            differs = difference is None or difference > tolerance
            self._fields.setdefault(name, _FieldLedger(ours.stamp_ns)).add(ours.stamp_ns, difference, differs=differs)
            if differs and not beyond and (self._first is None or ours.line < self._first[0].line):
                self._first = (ours, name, mine, other)
            beyond = beyond or differs
        self._differing += beyond

    def _tolerance(self, name: str) -> float:
        if name not in self._tolerance_of:
            found = (value for pattern, value in self._tolerances.items() if fnmatchcase(name, pattern))
            self._tolerance_of[name] = next(found, 0.0)
        return self._tolerance_of[name]

    def _seconds(self, stamp_ns: int) -> float:
        return seconds_from_ns(stamp_ns - min(self._starts_ns))

    def _unmatched(self, stamps_ns: list[int]) -> Unmatched:
        if not stamps_ns:
            return Unmatched()
        return Unmatched(frames=len(stamps_ns), at_ns=stamps_ns[0], time_s=self._seconds(stamps_ns[0]))

    def _field(self, name: str, ledger: _FieldLedger) -> FieldDifference:
        return FieldDifference(
            field=name,
            tolerance=self._tolerance(name),
            frames=ledger.frames,
            worst=ledger.worst,
            at_ns=ledger.at_ns,
            time_s=self._seconds(ledger.at_ns),
        )

    def _first_difference(self) -> FirstDifference | None:
        if self._first is None:
            return None
        message, name, mine, other = self._first
        return FirstDifference(
            index=message.values.get("index", message.line - 1),
            stamp_ns=message.stamp_ns,
            time_s=self._seconds(message.stamp_ns),
            field=name,
            replayed=_text(mine),
            reference=_text(other),
        )


class _FieldLedger:
    """One field's differences. frames: beyond the tolerance; at_ns: stamp of the worst, or else of the first."""

    def __init__(self, first_ns: int) -> None:
        self.frames = 0
        self.worst: float | None = None
        self.at_ns = first_ns

    def add(self, stamp_ns: int, difference: float | None, *, differs: bool) -> None:
        self.frames += differs
        if difference is not None and (self.worst is None or difference > self.worst):
            self.worst, self.at_ns = difference, stamp_ns


def _messages(path: Path) -> Iterator[_Message]:
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield _message(path, number, line)
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not text: {error.reason} at byte {error.start}") from error


def _message(path: Path, number: int, line: str) -> _Message:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise SourceError(f"{path}:{number}: no frame of a replay: {error}") from error
    if not isinstance(values, dict) or not isinstance(values.get("stamp_ns"), int):
        raise SourceError(f"{path}:{number}: no frame of a replay: it has no stamp_ns")
    return _Message(number, values["stamp_ns"], values)


def _pairs(ours: Iterator[_Message], theirs: Iterator[_Message]) -> Iterator[tuple[_Message | None, _Message | None]]:
    """Yield messages of equal stamps, and at the end those that have no counterpart."""
    waiting: tuple[dict[int, deque[_Message]], dict[int, deque[_Message]]] = ({}, {})
    for pair in zip_longest(ours, theirs):
        for side, message in enumerate(pair):
            if message is None:
                continue
            others = waiting[1 - side].get(message.stamp_ns)
            if not others:
                waiting[side].setdefault(message.stamp_ns, deque()).append(message)
                continue
            other = others.popleft()
            if not others:
                del waiting[1 - side][message.stamp_ns]
            yield (other, message) if side else (message, other)
    yield from ((message, None) for queue in waiting[0].values() for message in queue)
    yield from ((None, message) for queue in waiting[1].values() for message in queue)


def _unequal(mine: dict[str, Any], other: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield (field, value, value) wherever two frames are not exactly the same."""
    for name in dict.fromkeys([*mine, *other]):
        if not prefix and name in PLACE:
            continue
        a, b = mine.get(name, ABSENT), other.get(name, ABSENT)
        if isinstance(a, dict) and isinstance(b, dict):
            yield from _unequal(a, b, f"{prefix}{name}.")
        elif a != b and not (_not_a_number(a) and _not_a_number(b)):
            yield f"{prefix}{name}", a, b


def _difference(a: Any, b: Any) -> float | None:
    """Return how far two numbers are apart; None where they cannot be subtracted."""
    if not (isinstance(a, int | float) and isinstance(b, int | float)):
        return None
    difference = abs(a - b)
    return difference if math.isfinite(difference) else None


def _not_a_number(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _text(value: Any) -> str:
    return "absent" if value is ABSENT else json.dumps(value)


def _count(frames: int) -> str:
    return f"{frames} frame" if frames == 1 else f"{frames} frames"
