"""The wire codec: what it reads, what it writes, byte by byte."""

import struct
from itertools import pairwise

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.errors import WorldError
from sim2real_ad.world.carla import wire

CALL = wire.Call(7, "tick_cue", [])
LOAD = wire.Call(8, "load_new_episode", ["x"])


def unpacked(data):
    return msgpack.unpackb(data, raw=False, unicode_errors="surrogateescape")


def test_a_call_is_read_without_its_metadata():
    data = msgpack.packb([0, 3, "spawn_actor", [[False], [1, "vehicle.x", []], 2.5]])
    assert list(wire.CallReader().feed(data)) == [wire.Call(3, "spawn_actor", [[1, "vehicle.x", []], 2.5])]


def test_a_notification_has_no_message_id():
    data = msgpack.packb([2, "stop_recorder", [[True]]])
    assert list(wire.CallReader().feed(data)) == [wire.Call(None, "stop_recorder", [])]


@given(cuts=st.lists(st.integers(0, 200), max_size=6))
def test_calls_are_read_however_the_bytes_arrive(cuts):
    calls = [wire.Call(i, f"call_{i}", [[i, "é", 0.5], {"k": i}]) for i in range(4)]
    data = b"".join(msgpack.packb([0, c.message_id, c.name, [[False], *c.arguments]]) for c in calls)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    reader = wire.CallReader()
    found = [call for a, b in pairwise(edges) for call in reader.feed(data[a:b])]
    assert found == calls


def test_text_that_is_no_utf8_survives_both_ways():
    token = bytes(range(128, 152))
    (call,) = wire.CallReader().feed(b"\x94\x00\x01\xa1x\x92\x91\xc2\xb8" + token)
    assert call.arguments[0].encode("utf-8", "surrogateescape") == token
    assert token in wire.pack(call.arguments)


@pytest.mark.parametrize(
    "message",
    [5, "GET / HTTP/1.1", [], [1, 2, None, None], [0, 1, "x"], [0, 1, 5, []], [0, 1, "x", 7], [0, 1, "x", []]],
)
def test_what_is_no_call_is_refused(message):
    with pytest.raises(WorldError, match="not a CARLA"):
        list(wire.CallReader().feed(msgpack.packb(message)))


def test_garbage_is_refused():
    with pytest.raises(WorldError, match="not a CARLA"):
        list(wire.CallReader().feed(b"GET / HTTP/1.1\r\n\r\n"))


def test_replies_have_the_form_that_the_client_parses():
    assert unpacked(wire.pack_reply(CALL, 42)) == [1, 7, None, [[1, 42]]]
    assert unpacked(wire.pack_reply(LOAD, None)) == [1, 8, None, [[False]]]
    assert unpacked(wire.pack_error(CALL, "no")) == [1, 7, None, [[0, ["no"]]]]
    assert unpacked(wire.pack_error(LOAD, "no")) == [1, 8, None, [[True, ["no"]]]]
    assert unpacked(wire.pack_raw_reply(CALL, [1, 2])) == [1, 7, None, [1, 2]]


def test_struct_sizes_are_those_of_the_protocol():
    assert wire.SENSOR_HEADER.size == 48
    assert wire.ACTOR_STATE.size + wire.TYPE_STATE_BYTES == 119
    assert wire.VEHICLE_STATE.size <= wire.TYPE_STATE_BYTES
    assert wire.STREAM_TOKEN.size == 24
    assert wire.WORLD_HEADER.size == 36


def test_a_stream_token_names_stream_address_and_port():
    token = wire.stream_token(9, "127.0.0.1", 2001)
    assert struct.unpack_from("<IHBB4B", token) == (9, 2001, 1, 1, 127, 0, 0, 1)


def test_an_address_that_is_no_ipv4_is_refused():
    with pytest.raises(ValueError, match="localhost"):
        wire.stream_token(1, "localhost", 2001)


def test_a_sensor_header_carries_type_frame_time_and_transform():
    header = wire.sensor_header("sensor.camera.rgb", 5, 0.25, (1.0, 2.0, 3.0, 4.0, 5.0, 6.0))
    assert struct.unpack("<QQd6f", header) == (13, 5, 0.25, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
