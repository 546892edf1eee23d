"""The CARLA 0.9.16 wire protocol: MessagePack-RPC messages and the framing of sensor streams. No sockets here.

A call is [0, id, name, [[async], argument...]], a notification [2, name, arguments]; a reply is [1, id, nil, result].
A result is [[1, value]] or [[0, [text]]]; of a call that returns nothing [[False]] or [[True, [text]]].
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgpack

from sim2real_ad.errors import WorldError

VERSION: Final = "0.9.16"

SIZE: Final = struct.Struct("<I")
"""Stands before every stream message; a subscriber sends its stream's id in the same form."""
SENSOR_HEADER: Final = struct.Struct("<QQd6f")
"""Sensor type, frame, timestamp in s, transform (x, y, z m; pitch, yaw, roll deg)."""
WORLD_HEADER: Final = struct.Struct("<Qdf3iI")
"""Episode id, platform time in s, delta in s, map origin, simulation state."""
ACTOR_STATE: Final = struct.Struct("<IB6f9f")
"""Actor id, state, transform, velocity m/s, angular velocity deg/s, acceleration m/s^2."""
VEHICLE_STATE: Final = struct.Struct("<3f???ifB?IB")
"""Throttle, steer, brake, hand brake, reverse, manual shift, gear, speed limit km/h, traffic light state, has light,
light's id, failure."""
TYPE_STATE_BYTES: Final = 54
"""What follows an ACTOR_STATE by the actor's type, zero padded."""
IMAGE_HEADER: Final = struct.Struct("<IIf")
"""Width, height, horizontal field of view in deg; BGRA bytes follow."""
STREAM_TOKEN: Final = struct.Struct("<IHBB4B12x")

ACTOR_ACTIVE: Final = 1
MAX_MESSAGE_BYTES: Final = 256 * 1024 * 1024

SENSOR_TYPES: Final = {
    "sensor.other.collision": 0,
    "sensor.other.gnss": 4,
    "sensor.other.imu": 5,
    "sensor.camera.rgb": 13,
    "sensor.camera.semantic_segmentation": 14,
    "world": 17,
}

RETURNS_NOTHING: Final = frozenset(
    {
        "load_new_episode",
        "load_map_layer",
        "unload_map_layer",
        "copy_opendrive_to_file",
        "apply_color_texture_to_objects",
        "apply_float_color_texture_to_objects",
        "set_actor_simulate_physics",
        "set_actor_collisions",
        "reset_all_traffic_lights",
        "set_annotations_traverse_translucency",
    }
)
"""Calls whose answer the client reads as void; it fails to parse an error in the other form."""


class Call(NamedTuple):
    """A request. message_id: None for a notification, which gets no reply."""

    message_id: int | None
    name: str
    arguments: list[Any]


class CallReader:
    """Turns the bytes of one RPC connection into calls, however they arrive."""

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(
            raw=False, unicode_errors="surrogateescape", strict_map_key=False, max_buffer_size=MAX_MESSAGE_BYTES
        )

    def feed(self, data: bytes | memoryview) -> Iterator[Call]:
        """Yield the calls that these bytes complete. Raises WorldError where they are no MessagePack-RPC."""
        try:
            self._unpacker.feed(data)
            for message in self._unpacker:
                yield _read_call(message)
        except (ValueError, TypeError, msgpack.UnpackException) as error:
            raise WorldError(f"not a CARLA {VERSION} client: {error!r}") from error


def _read_call(message: Any) -> Call:
    if not isinstance(message, list) or not message:
        raise ValueError(f"message {type(message).__name__} is no RPC call")
    if message[0] == 0 and len(message) == 4:
        _, message_id, name, arguments = message
    elif message[0] == 2 and len(message) == 3:
        message_id, (_, name, arguments) = None, message
    else:
        raise ValueError(f"message of type {message[0]!r} and {len(message)} parts is no RPC call")
    if not isinstance(name, str) or not isinstance(arguments, list) or not arguments:
        raise ValueError(f"call {name!r} lacks its arguments")
    return Call(message_id, name, arguments[1:])


_packer = msgpack.Packer(use_bin_type=True, unicode_errors="surrogateescape")


def pack(value: Any) -> bytes:
    """Pack a value as MessagePack."""
    packed: bytes = _packer.pack(value)
    return packed


def pack_reply(call: Call, value: Any) -> bytes:
    """Pack the answer to a call."""
    return pack([1, call.message_id, None, [[False]] if call.name in RETURNS_NOTHING else result(value)])


def pack_raw_reply(call: Call, value: Any) -> bytes:
    """Pack an answer that the client reads as it is, as it does for a batch."""
    return pack([1, call.message_id, None, value])


def pack_error(call: Call, text: str) -> bytes:
    """Pack an error, which the client raises as RuntimeError with this text."""
    return pack([1, call.message_id, None, [[True, [text]]] if call.name in RETURNS_NOTHING else failure(text)])


def result(value: Any) -> list[Any]:
    """Wrap a value as the client's Response type."""
    return [[1, value]]


def failure(text: str) -> list[Any]:
    """Wrap an error as the client's Response type."""
    return [[0, [text]]]


def stream_token(stream_id: int, host: str, port: int) -> bytes:
    """Return the 24 bytes that tell a client where a stream is: TCP, an IPv4 address and a port."""
    return STREAM_TOKEN.pack(stream_id, port, 1, 1, *ipaddress.IPv4Address(host).packed)


def sensor_header(kind: str, frame: int, time_s: float, transform: tuple[float, ...]) -> bytes:
    """Pack the header of a sensor's message. transform: x, y, z, pitch, yaw, roll in CARLA's frame, m and deg."""
    return SENSOR_HEADER.pack(SENSOR_TYPES[kind], frame, time_s, *transform)
