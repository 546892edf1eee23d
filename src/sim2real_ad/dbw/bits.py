"""Checks that frames carry: CRC-8 SAE J1850, and counters that show lost, repeated and replayed frames."""

from __future__ import annotations

from enum import Enum

J1850_POLYNOMIAL = 0x1D
"""x^8 + x^4 + x^3 + x^2 + 1 (SAE J1850); initial value and final XOR are both 0xFF."""

J1850_SEED = 0xFF


def _table_entry(byte: int) -> int:
    for _ in range(8):
        byte = (byte << 1) ^ J1850_POLYNOMIAL if byte & 0x80 else byte << 1
    return byte & 0xFF


_TABLE = bytes(_table_entry(byte) for byte in range(256))


def crc8_j1850(data: bytes, seed: int = J1850_SEED) -> int:
    """Return the CRC of data. seed: 0xFF, or `crc8_seed` of what was sent before data.

    "123456789" gives 0x4B, the check value of the CRC catalogue.
    """
    crc = seed
    for byte in data:
        crc = _TABLE[crc ^ byte]
    return crc ^ 0xFF


def crc8_seed(can_id: int) -> int:
    """Return the seed that covers an 11-bit id: its high byte, then its low byte (ds_dbw_can, crc8_can_msg)."""
    return _TABLE[_TABLE[J1850_SEED ^ (can_id >> 8)] ^ (can_id & 0xFF)]


class CounterStep(Enum):
    """How a counter went on. MISSING: less than half a turn ahead; JUMPED: half a turn or more, or backwards."""

    FIRST = "first"
    NEXT = "next"
    REPEATED = "repeated"
    MISSING = "missing"
    JUMPED = "jumped"


class CounterCheck:
    """Follows a counter that rises by one a frame and wraps at `modulus`. missing: frames lost so far, at least."""

    def __init__(self, modulus: int) -> None:
        self._modulus = modulus
        self._last: int | None = None
        self.missing = 0

    def step(self, counter: int) -> CounterStep:
        """Take the counter of the next frame and say how it went on."""
        before, self._last = self._last, counter
        if before is None:
            return CounterStep.FIRST
        ahead = (counter - before) % self._modulus
        if ahead == 0:
            return CounterStep.REPEATED
        if ahead == 1:
            return CounterStep.NEXT
        if ahead > self._modulus // 2:
            return CounterStep.JUMPED
        self.missing += ahead - 1
        return CounterStep.MISSING

    def forget(self) -> None:
        """Take whatever comes next as the first."""
        self._last = None
