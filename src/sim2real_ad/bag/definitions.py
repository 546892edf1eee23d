"""Message definitions: the texts that a bag holds, and for old bags without, those of ROS 2 and of this project."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.store import Typestore

from sim2real_ad.config import share_path
from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.evaluation.mcap_stream import UNREADABLE, MessageDecoder, RawMessage

STAMP_TYPES = ("std_msgs/msg/Header", "builtin_interfaces/msg/Time")
NO_HASH = "RIHS01_" + "0" * 64
"""Stands for the hash of a type that nobody knows the definition of."""
_IDL_MARK = "=" * 80 + "\nIDL: "
_INCLUDES = re.compile(r"^\s*#.*$", re.MULTILINE)
_FALLBACKS = (Stores.ROS2_JAZZY, Stores.ROS2_HUMBLE)


def message_store() -> Typestore:
    """Return the types of ROS 2 Jazzy, and those of this project that `installed_definition` was asked for."""
    return _store(Stores.ROS2_JAZZY)


def full_type_name(name: str) -> str:
    """Return a type's name with its `msg` part, which some recorders leave out."""
    package, _, rest = name.partition("/")
    return f"{package}/msg/{rest}" if rest and "/" not in rest else name


def definition_text(type_name: str, encoding: str, text: str) -> str:
    """Return a type's definition as .msg text with all that it holds; empty where nobody knows it.

    encoding, text: as the bag has them: ros2msg, ros2idl, or nothing, and then it is looked up in this installation.
    """
    if encoding == "ros2msg" and text.strip():
        return text
    if encoding == "ros2idl" and text.strip():
        return _text_from_idl(text, type_name) or installed_definition(type_name)
    return installed_definition(type_name)


@cache
def installed_definition(type_name: str) -> str:
    """Return the definition by ROS 2 Jazzy, else Humble, with the .msg files of sourced workspaces and this project.

    Empty where the type is in none of them.
    """
    for kind in _FALLBACKS:
        store = _store(kind)
        if _holds(store, type_name):
            return str(store.generate_msgdef(type_name, ros_version=2)[0])
    return ""


@lru_cache(maxsize=512)
def type_hash(definition: str, type_name: str) -> str:
    """Return the rosidl hash of a type, NO_HASH where its definition cannot be read."""
    try:
        store = get_typestore(Stores.EMPTY)
        store.register(_types(definition, type_name))
        return str(store.hash_rihs01(type_name))
    except UNREADABLE:
        return NO_HASH


@lru_cache(maxsize=512)
def begins_with_stamp(definition: str, type_name: str) -> bool:
    """Tell whether a type's first field is a header or a time, however deep, so that its stamp leads the message."""
    try:
        types = _types(definition, type_name)
        while type_name not in STAMP_TYPES:
            kind, held = types[type_name][1][0][1]
            if kind != Nodetype.NAME:
                return False
            type_name = held
    except UNREADABLE:
        return False
    return True


class BagDecoder:
    """Decodes the messages of one bag."""

    def __init__(self) -> None:
        self._decode = MessageDecoder()

    def __call__(self, message: RawMessage) -> Any:
        """Return the message as an object with the fields of its type; arrays as numpy arrays.

        Raises SourceError where the type is unknown, or the data do not match it.
        """
        if not message.definition:
            raise SourceError(f"{message.topic}: the definition of {message.type_name or 'its type'} is not known")
        return self._decode(message)


@cache
def _store(kind: Stores) -> Typestore:
    return get_typestore(kind)


def _types(definition: str, type_name: str) -> dict[str, Any]:
    return dict(get_types_from_msg(definition, type_name))


def _text_from_idl(text: str, type_name: str) -> str:
    marked = text.startswith(_IDL_MARK)
    parts = [part.partition("\n")[2] for part in text.split(_IDL_MARK) if part.strip()] if marked else [text]
    try:
        store = get_typestore(Stores.EMPTY)
        types: dict[str, Any] = {}
        for part in parts:
            types.update(get_types_from_idl(_INCLUDES.sub("", part)))  # the parser knows none
        store.register(types)
        return str(store.generate_msgdef(type_name, ros_version=2)[0])
    except UNREADABLE:
        return ""


def _holds(store: Typestore, type_name: str) -> bool:
    """Tell whether a store knows a type; one of the .msg files is taken in with those it holds."""
    if type_name in store.fielddefs:
        return True
    text = _message_text(type_name)
    if text is None:
        return False
    types = _types(text, type_name)
    held = {name for name in map(_named, types[type_name][1]) if name}
    if not all(_holds(store, name) for name in held):
        return False
    store.register(types)
    return True


def _named(field: tuple[str, Any]) -> str | None:
    """Return the type that a field holds, None for a primitive one."""
    kind, inner = field[1]
    if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE):
        kind, inner = inner[0]
    return inner if kind == Nodetype.NAME else None


def _message_text(type_name: str) -> str | None:
    package, _, name = type_name.partition("/msg/")
    for folder in _message_folders(package):
        path = folder / f"{name}.msg"
        if name and path.is_file():
            return path.read_text(encoding="utf-8")
    return None


def _message_folders(package: str) -> list[Path]:
    prefixes = [*filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)), sys.prefix]
    folders = [Path(prefix) / "share" / package / "msg" for prefix in prefixes]
    with suppress(ConfigError):  # a bag can be read where the project's configuration is not installed
        folders.append(share_path() / "src" / "interfaces" / package / "msg")
    return folders
