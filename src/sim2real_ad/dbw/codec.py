"""Frames to values and back, by a DBC file, strictly and fast.

cantools reads the DBC; its messages are compiled once into shifts, masks and raw limits, because a frame has to take
less than 20 us to encode and 10 us to decode. Encoding refuses what a signal cannot hold: nothing wraps or is clipped.
Decoding never raises: what is wrong with a frame is a `Rejected` with a name.

What a plain DBC cannot say stands in two attributes of our own: `Check` of a message (`none`; `j1850`: a counter, and
in the last byte a CRC over id and data; `complement`: a counter and its complement) and `TimeoutMs`, the silence that
the protocol takes for a loss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sim2real_ad.dbw.bits import crc8_j1850, crc8_seed
from sim2real_ad.errors import DbwError

if TYPE_CHECKING:
    from cantools.database.can import Message as DbcMessage
    from cantools.database.can import Signal as DbcSignal

Check = Literal["none", "j1850", "complement"]
FrameFault = Literal["unknown_id", "length", "crc", "complement", "counter", "value"]

COUNTER, CRC, COMPLEMENT = "COUNTER", "CRC", "COMPLEMENT"
NIBBLE = 0xF


class Frame(NamedTuple):
    """A data frame on the bus. id: 11 bits, 29 where extended."""

    id: int
    data: bytes
    extended: bool = False


class Decoded(NamedTuple):
    """A frame that passed its checks.

    values: by signal, in the DBC's units; NaN where a signal says "unknown" or lies outside of its range, and then its
    name is in `invalid`.
    """

    name: str
    values: dict[str, float]
    invalid: tuple[str, ...] = ()


class Rejected(NamedTuple):
    """A frame that is not to be believed. name: its message, empty where the id is unknown."""

    fault: FrameFault
    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class SignalCode:
    """One signal's place in the frame's word, its scale, and its limits: low, high in its unit, raw as they are sent.

    sign: the value of the sign bit, 0 where unsigned; choices: the raw values that have a name, empty where it is a
    number.
    """

    name: str
    shift: int
    mask: int
    sign: int
    scale: float
    offset: float
    low: float
    high: float
    raw_low: int
    raw_high: int
    choices: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Variant:
    """The signals of a frame for one value of its multiplexer; CRC and complement are not among them.

    For decoding they are split: plain ones (name, shift, mask) whose raw value is their value and always legal, and
    scaled ones (name, shift, mask, sign, raw_low, raw_high, scale, offset).
    """

    signals: tuple[SignalCode, ...]
    plain: tuple[tuple[str, int, int], ...]
    scaled: tuple[tuple[str, int, int, int, int, int, float, float], ...]


@dataclass(frozen=True, slots=True)
class MessageCode:
    """One message, compiled. period_ms: how often it is sent, 0 where by event; timeout_ms: 0 where it has none.

    variants: by value of the multiplexer, None for all others and for messages without one; counter_bits: 0 where it
    has no counter; complement: the places of counter and complement, where it has both.
    """

    name: str
    id: int
    length: int
    order: Literal["little", "big"]
    check: Check
    crc_seed: int
    period_ms: int
    timeout_ms: int
    multiplexer: SignalCode | None
    variants: Mapping[float | None, Variant]
    counter_bits: int
    complement: tuple[int, int] | None

    def variant(self, master: float | None) -> Variant:
        """Return the signals of a frame whose multiplexer has this value."""
        return self.variants.get(master) or self.variants[None]


class Codec:
    """All messages of one DBC. Stateless: counters are the business of `traffic`."""

    def __init__(self, messages: list[MessageCode]) -> None:
        self.messages: dict[str, MessageCode] = {message.name: message for message in messages}
        self._by_id = {message.id: message for message in messages}

    @classmethod
    def load(cls, path: Path) -> Codec:
        """Read a DBC. Raises DbwError where cantools is missing, the file is wrong, or it asks for what is not here."""
        try:
            from cantools.database import load_file
            from cantools.database.errors import Error
        except ImportError as error:
            raise DbwError(f"{path.name} needs cantools: pip install 'sim2real_ad[can]'") from error
        try:
            database: Any = load_file(path)
        except (OSError, Error, ValueError) as error:
            raise DbwError(f"cannot read {path}: {error}") from error
        defaults = {name: definition.default_value for name, definition in database.dbc.attribute_definitions.items()}
        return cls([_compile(message, defaults, path) for message in database.messages])

    def encode(self, name: str, values: Mapping[str, float]) -> Frame:
        """Encode every signal of a message, CRC and complement excepted, which are computed.

        Raises DbwError naming message, signal, value and limit where a value is missing, too many, NaN or infinite, or
        outside of what the signal may carry.
        """
        message = self._message(name)
        signals = _signals_to_send(message, values)
        word = 0
        for signal in signals:
            value = values.get(signal.name, math.nan)
            if not signal.low <= value <= signal.high or (signal.choices and value not in signal.choices):
                raise _refusal(message, signal, values)
            raw = round((value - signal.offset) / signal.scale)
            word |= (raw & signal.mask) << signal.shift
        if len(values) != len(signals):
            unknown = sorted(set(values) - {signal.name for signal in signals})
            raise DbwError(f"{name} has no signal {', '.join(unknown)} to send")
        return Frame(message.id, _with_check(message, word))

    def decode(self, frame: Frame) -> Decoded | Rejected:
        """Check id, length and CRC or complement of a frame, and decode it. Never raises."""
        message = None if frame.extended else self._by_id.get(frame.id)
        if message is None:
            return Rejected("unknown_id", "", f"id 0x{frame.id:X}{' extended' if frame.extended else ''}")
        data = frame.data
        if len(data) != message.length:
            return Rejected("length", message.name, f"{len(data)} bytes, expected {message.length}")
        if message.check == "j1850" and (crc := crc8_j1850(data[:-1], message.crc_seed)) != data[-1]:
            return Rejected("crc", message.name, f"0x{data[-1]:02X}, expected 0x{crc:02X}")
        word = int.from_bytes(data, message.order)
        if message.complement is not None and not _complements(message.complement, word):
            return Rejected("complement", message.name, f"data {data.hex()}")
        return _decoded(message, word)

    def limits(self, name: str, signal: str) -> tuple[float, float]:
        """Return the least and the greatest value that a signal may carry, in its unit."""
        codes = {code.name: code for variant in self._message(name).variants.values() for code in variant.signals}
        return codes[signal].low, codes[signal].high

    def choice(self, name: str, signal: str, value: float) -> str:
        """Return the name of an enumeration's value, or the number where this DBC has no name for it."""
        message = self._message(name)
        for code in message.variants[None].signals:
            if code.name == signal and math.isfinite(value):
                return code.choices.get(int(value), f"{int(value)}")
        return f"{value}"

    def _message(self, name: str) -> MessageCode:
        message = self.messages.get(name)
        if message is None:
            raise DbwError(f"no message {name}; known: {', '.join(sorted(self.messages))}")
        return message


def _signals_to_send(message: MessageCode, values: Mapping[str, float]) -> tuple[SignalCode, ...]:
    master = message.multiplexer
    return message.variant(None if master is None else values.get(master.name)).signals


def _refusal(message: MessageCode, signal: SignalCode, values: Mapping[str, float]) -> DbwError:
    if signal.name not in values:
        return DbwError(f"{message.name}: {signal.name} is missing")
    value = values[signal.name]
    if signal.low <= value <= signal.high:
        known = ", ".join(f"{raw} {name}" for raw, name in signal.choices.items())
        return DbwError(f"{message.name}: {signal.name} {value} is none of {known}")
    return DbwError(f"{message.name}: {signal.name} {value} is outside of {signal.low}..{signal.high}")


def _with_check(message: MessageCode, word: int) -> bytes:
    if message.complement is not None:
        counter, complement = message.complement
        word |= (word >> counter & NIBBLE ^ NIBBLE) << complement
    data = word.to_bytes(message.length, message.order)
    if message.check != "j1850":
        return data
    return data[:-1] + bytes((crc8_j1850(data[:-1], message.crc_seed),))


def _complements(places: tuple[int, int], word: int) -> bool:
    counter, complement = places
    return (word >> counter ^ word >> complement) & NIBBLE == NIBBLE


def _decoded(message: MessageCode, word: int) -> Decoded:
    master = message.multiplexer
    variant = message.variant(None if master is None else word >> master.shift & master.mask)
    values: dict[str, float] = {name: word >> shift & mask for name, shift, mask in variant.plain}
    invalid: tuple[str, ...] = ()
    for name, shift, mask, sign, low, high, scale, offset in variant.scaled:
        raw = word >> shift & mask
        if raw & sign:
            raw -= sign << 1
        if low <= raw <= high:
            values[name] = raw * scale + offset
        else:
            values[name] = math.nan
            invalid += (name,)
    return Decoded(message.name, values, invalid)


def _compile(message: DbcMessage, defaults: Mapping[str, Any], path: Path) -> MessageCode:
    own = message.dbc.attributes if message.dbc else {}
    attributes = {**defaults, **{name: attribute.value for name, attribute in own.items()}}
    check = attributes.get("Check")
    orders = {signal.byte_order for signal in message.signals}
    if message.is_extended_frame or len(orders) != 1 or check not in {"none", "j1850", "complement"}:
        raise DbwError(f"{path.name}: {message.name} must be 11-bit, of one byte order, with a known Check")
    big = orders == {"big_endian"}
    codes = {signal.name: _compile_signal(signal, message, big) for signal in message.signals}
    computed = {"none": set(), "j1850": {CRC}, "complement": {COMPLEMENT}}[check]
    masters = [codes[signal.name] for signal in message.signals if signal.is_multiplexer]
    if not computed <= codes.keys() or len(masters) > 1 or (computed == {COMPLEMENT} and COUNTER not in codes):
        raise DbwError(f"{path.name}: {message.name} lacks the signals of its Check, or has two multiplexers")
    return MessageCode(
        name=message.name,
        id=message.frame_id,
        length=message.length,
        order="big" if big else "little",
        check=check,
        crc_seed=crc8_seed(message.frame_id),
        period_ms=message.cycle_time or 0,
        timeout_ms=attributes.get("TimeoutMs", 0),
        multiplexer=masters[0] if masters else None,
        variants=_variants(message, codes, computed),
        counter_bits=codes[COUNTER].mask.bit_length() if COUNTER in codes else 0,
        complement=(codes[COUNTER].shift, codes[COMPLEMENT].shift) if computed == {COMPLEMENT} else None,
    )


def _variants(message: DbcMessage, codes: Mapping[str, SignalCode], computed: set[str]) -> dict[float | None, Variant]:
    shown = [signal for signal in message.signals if signal.name not in computed]
    masters = {number for signal in shown for number in signal.multiplexer_ids or []}
    return {
        master: _variant([codes[s.name] for s in shown if not s.multiplexer_ids or master in s.multiplexer_ids])
        for master in (None, *sorted(masters))
    }


def _variant(signals: list[SignalCode]) -> Variant:
    plain = [code for code in signals if (code.scale, code.offset, code.raw_low, code.raw_high) == (1, 0, 0, code.mask)]
    scaled = [code for code in signals if code not in plain]
    return Variant(
        tuple(signals),
        tuple((code.name, code.shift, code.mask) for code in plain),
        tuple(
            (code.name, code.shift, code.mask, code.sign, code.raw_low, code.raw_high, code.scale, code.offset)
            for code in scaled
        ),
    )


def _compile_signal(signal: DbcSignal, message: DbcMessage, big: bool) -> SignalCode:
    if signal.minimum is None or signal.maximum is None or signal.is_float:
        raise DbwError(f"{message.name}: {signal.name} needs an integer and a range")
    most = (1 << signal.length) - 1
    start = signal.start
    # Motorola: `start` is the most significant bit, counted from the least significant one of its byte.
    shift = message.length * 8 - (start // 8 * 8 + 7 - start % 8) - signal.length if big else start
    scale, offset = signal.scale, signal.offset
    return SignalCode(
        name=signal.name,
        shift=shift,
        mask=most,
        sign=(most + 1) >> 1 if signal.is_signed else 0,
        scale=scale,
        offset=offset,
        low=signal.minimum,
        high=signal.maximum,
        raw_low=math.ceil((signal.minimum - offset) / scale - 1e-6),
        raw_high=math.floor((signal.maximum - offset) / scale + 1e-6),
        choices={int(raw): str(name) for raw, name in (signal.choices or {}).items()},
    )
