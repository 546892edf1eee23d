"""What shall go wrong with a simulated drive-by-wire, said in one line."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

from sim2real_ad.dbw.ecu import CarState, Ecu, Misbehaviour, MisbehaviourKind
from sim2real_ad.errors import DbwError

DRIVER_ACTS = ("accelerator_pedal", "brake_pedal", "steering_torque")
BEHAVE = "behave"
KINDS: tuple[MisbehaviourKind, ...] = get_args(MisbehaviourKind)


def upset(ecu: Ecu, car: CarState, line: str) -> CarState:
    """Let something go wrong, and return the car with what its driver does.

    line: `KIND` or `KIND TARGET` of a `Misbehaviour`, as `silence STEER_REPORT`; `brake_pedal 0.3`, `accelerator_pedal
    0.2` or `steering_torque 5` for what the driver does; `behave` for an end of it all. Raises DbwError.
    """
    word, _, rest = line.strip().partition(" ")
    if word in DRIVER_ACTS:
        return replace(car, **{word: _number(rest, line)})
    if word == BEHAVE:
        ecu.behave()
        return replace(car, **dict.fromkeys(DRIVER_ACTS, 0.0))
    kind = next((known for known in KINDS if known == word), None)
    if kind is None:
        raise DbwError(f"{line!r}: {word!r} is none of {', '.join((*KINDS, *DRIVER_ACTS, BEHAVE))}")
    ecu.misbehave(Misbehaviour(kind, rest.strip()))
    return car


def _number(text: str, line: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise DbwError(f"{line!r}: {text!r} is no number") from error
