"""Made-up messages of any known type, without ROS: empty ones to be filled, and their bytes."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from rosbags.interfaces import Nodetype
from rosbags.serde import SerdeError
from rosbags.typesys.base import normalize_fieldname

from sim2real_ad.bag.definitions import installed_definition, message_store
from sim2real_ad.errors import SourceError
from sim2real_ad.types import NANOSECONDS

_DTYPES = {"bool": "bool_", "byte": "uint8", "char": "uint8"}


def blank(type_name: str) -> Any:
    """Return a message of a type with every number 0, every text and sequence empty.

    Raises SourceError where the type's definition is not installed.
    """
    if not installed_definition(type_name):
        raise SourceError(f"the definition of {type_name} is not installed")
    store = message_store()
    fields = {normalize_fieldname(name): _blank_value(kind, held) for name, (kind, held) in _fields(type_name)}
    return store.types[type_name](**fields)


def serialized(message: Any, type_name: str) -> bytes:
    """Return a message's CDR bytes, little-endian. Raises SourceError where a field does not fit its type."""
    try:
        return bytes(message_store().serialize_cdr(message, type_name, little_endian=True))
    except (SerdeError, struct.error, ValueError, TypeError, AttributeError, AssertionError) as error:
        raise SourceError(f"a {type_name} cannot be serialized: {error}") from error


def constant(type_name: str, name: str) -> Any:
    """Return the value of a constant of a type. Raises KeyError."""
    installed_definition(type_name)
    return {key: value for key, _, value in message_store().fielddefs[type_name][0]}[name]


def set_stamp(time: Any, stamp_ns: int) -> None:
    """Write ns into a builtin_interfaces/Time."""
    time.sec, time.nanosec = divmod(stamp_ns, NANOSECONDS)


def _fields(type_name: str) -> list[tuple[str, tuple[int, Any]]]:
    return list(message_store().fielddefs[type_name][1])


def _blank_value(kind: int, held: Any) -> Any:
    if kind == Nodetype.NAME:
        return blank(held)
    if kind == Nodetype.BASE:
        return _blank_scalar(held[0])
    (inner_kind, inner), length = held
    count = length if kind == Nodetype.ARRAY else 0
    if inner_kind == Nodetype.BASE and inner[0] not in ("string", "wstring"):
        return np.zeros(count, _DTYPES.get(inner[0], inner[0]))
    return [_blank_value(inner_kind, inner) for _ in range(count)]


def _blank_scalar(name: str) -> bool | int | float | str:
    if name in ("string", "wstring"):
        return ""
    if name == "bool":
        return False
    return 0.0 if name.startswith("float") else 0
