"""Is the system clock synchronised, and how far may it be off? The kernel knows, whichever daemon steers it."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from typing import ClassVar

from sim2real_ad.doctor.finding import Finding, graded, warning
from sim2real_ad.doctor.survey import Listen, Survey
from sim2real_ad.safety.limits import load_safety_limits

UNSYNCHRONISED, NANOSECONDS = 0x0040, 0x2000
"""STA_UNSYNC and STA_NANO of linux/timex.h."""
CLOCK_ERROR = 5
"""TIME_ERROR, which adjtimex returns where the clock is not synchronised."""


class Timex(ctypes.Structure):
    """struct timex of linux/timex.h, from which only a few fields are read."""

    _fields_: ClassVar = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("constant", ctypes.c_long),
        ("precision", ctypes.c_long),
        ("tolerance", ctypes.c_long),
        ("time", ctypes.c_long * 2),
        ("tick", ctypes.c_long),
        ("rest", ctypes.c_long * 16),
    ]


@dataclass(frozen=True)
class ClockReading:
    """is_synchronised: by some daemon; offset_ms: still to be corrected; most_ms: bound of the error."""

    is_synchronised: bool
    offset_ms: float
    most_ms: float


def check_clock(survey: Survey, listen: Listen) -> Finding:
    """Ask the kernel and judge what it says."""
    try:
        return judge_clock(read_clock(), load_safety_limits().freshness.stamp_lead * 1e3)
    except OSError as error:
        return warning("clock", f"the kernel does not say how far it is off: {error}", "timedatectl show-timesync")


def read_clock() -> ClockReading:
    """Read the kernel's account of its clock; nothing is changed. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    reading = Timex(modes=0)
    state = libc.adjtimex(ctypes.byref(reading))
    if state < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"adjtimex: {os.strerror(code)}")
    return reading_from(state, reading.status, reading.offset, reading.maxerror)


def reading_from(state: int, status: int, offset: int, most_us: int) -> ClockReading:
    """Make a reading of what adjtimex gave: its result, and of struct timex status, offset and maxerror."""
    unit = 1e-6 if status & NANOSECONDS else 1e-3
    return ClockReading(state != CLOCK_ERROR and not status & UNSYNCHRONISED, offset * unit, most_us * 1e-3)


def judge_clock(reading: ClockReading, lead_ms: float) -> Finding:
    """Judge a reading. lead_ms: how far a stamp of another clock may lie ahead of the gate's."""
    remedy = "sudo apt-get install chrony && chronyc waitsync 30; cameras with a clock of their own: PTP"
    if not reading.is_synchronised:
        found = f"not synchronised: stamps of other computers and cameras may be off, the gate allows {lead_ms:g} ms"
        return warning("clock", found, remedy)
    bound = f"off by {reading.offset_ms:+.3f} ms, at most {reading.most_ms:.1f} ms; the gate allows {lead_ms:g} ms"
    return graded("clock", f"synchronised, {bound}", remedy, fails=False, warns=reading.most_ms > lead_ms)
