import math
import sys
from importlib.resources import files
from pathlib import Path

import cantools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.dbw.codec import Codec, Decoded, Frame, Rejected
from sim2real_ad.dbw.dataspeed.messages import dataspeed_codec
from sim2real_ad.dbw.pacmod.messages import pacmod_codec
from sim2real_ad.errors import DbwError

CODECS = {"dataspeed": dataspeed_codec(), "pacmod": pacmod_codec()}
DATABASES = {name: cantools.database.load_file(str(files("sim2real_ad.dbw") / name / f"{name}.dbc")) for name in CODECS}
MESSAGES = [(name, message) for name, codec in CODECS.items() for message in codec.messages]

STEER = {
    "CMD_TYPE": 2,
    "ANGLE": 12.3,
    "ENABLE": 1,
    "CLEAR": 0,
    "IGNORE": 0,
    "RATE_LIMIT": 400,
    "ACCEL_LIMIT": 0,
    "COUNTER": 3,
}


def drawn_values(draw, codec, name):
    """Random legal values of a message, on the grid of each signal."""
    message = codec.messages[name]
    master = draw(st.sampled_from(list(message.variants)))
    values = {}
    for signal in message.variant(master).signals:
        if signal is message.multiplexer:
            others = [choice for choice in signal.choices if choice not in message.variants]
            values[signal.name] = draw(st.sampled_from(others)) if master is None else master
        elif signal.choices:
            values[signal.name] = draw(st.sampled_from(list(signal.choices)))
        else:
            raw = draw(st.integers(signal.raw_low, signal.raw_high))
            values[signal.name] = min(max(raw * signal.scale + signal.offset, signal.low), signal.high)
    return values


@pytest.mark.parametrize(("protocol", "name"), MESSAGES)
@settings(max_examples=30)
@given(st.data())
def test_encoding_is_that_of_cantools(protocol, name, data):
    codec, message = CODECS[protocol], DATABASES[protocol].get_message_by_name(name)
    values = drawn_values(data.draw, codec, name)
    frame = codec.encode(name, values)
    computed = {
        "j1850": {"CRC": frame.data[-1]},
        "complement": {"COMPLEMENT": 15 - values.get("COUNTER", 0)},
        "none": {},
    }
    expected = message.encode({**values, **computed[codec.messages[name].check]}, strict=True)
    assert frame == Frame(message.frame_id, expected)


@pytest.mark.parametrize(("protocol", "name"), MESSAGES)
@settings(max_examples=30)
@given(st.data())
def test_decoding_is_that_of_cantools_and_undoes_encoding(protocol, name, data):
    codec, message = CODECS[protocol], DATABASES[protocol].get_message_by_name(name)
    values = drawn_values(data.draw, codec, name)
    frame = codec.encode(name, values)
    decoded = codec.decode(frame)
    assert decoded.name == name
    assert decoded.invalid == ()
    expected = message.decode(frame.data, decode_choices=False)
    expected = {signal: value for signal, value in expected.items() if signal not in ("CRC", "COMPLEMENT")}
    assert decoded.values == expected
    assert decoded.values == pytest.approx(values)


@given(
    st.one_of(st.integers(0, 0x7FF), st.sampled_from([m.id for c in CODECS.values() for m in c.messages.values()])),
    st.binary(max_size=64),
    st.booleans(),
)
def test_no_frame_whatever_makes_the_decoder_raise(can_id, data, extended):
    for codec in CODECS.values():
        answer = codec.decode(Frame(can_id, data, extended))
        assert isinstance(answer, Decoded | Rejected)
        if isinstance(answer, Decoded):
            for signal, value in answer.values.items():
                assert math.isnan(value) == (signal in answer.invalid)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 3276.8, -3277.0, 1e300])
def test_a_value_that_a_signal_cannot_hold_is_refused_and_never_wraps(value):
    with pytest.raises(DbwError, match=r"STEER_CMD: ANGLE .* is outside of -3276.7..3276.7"):
        dataspeed_codec().encode("STEER_CMD", {**STEER, "ANGLE": value})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 7, 99])
def test_a_multiplexer_without_meaning_is_refused(value):
    with pytest.raises(DbwError):
        dataspeed_codec().encode("STEER_CMD", {**STEER, "CMD_TYPE": value})


def test_a_number_that_is_no_choice_is_refused_with_the_choices():
    with pytest.raises(DbwError, match=r"GEAR_CMD: GEAR 6 is none of 0 none, 1 park, .*5 low"):
        dataspeed_codec().encode("GEAR_CMD", {"GEAR": 6})


def test_a_missing_signal_is_named():
    with pytest.raises(DbwError, match="STEER_CMD: ENABLE is missing"):
        dataspeed_codec().encode("STEER_CMD", {name: value for name, value in STEER.items() if name != "ENABLE"})


@pytest.mark.parametrize("extra", ["CURVATURE", "SPEED"])
def test_a_signal_too_many_is_named(extra):
    with pytest.raises(DbwError, match=f"STEER_CMD has no signal {extra} to send"):
        dataspeed_codec().encode("STEER_CMD", {**STEER, extra: 0.0})


def test_an_unknown_message_is_refused_with_the_known_ones():
    with pytest.raises(DbwError, match=r"no message HORN_CMD; known: ACCEL_CMD, .*"):
        pacmod_codec().encode("HORN_CMD", {})


def test_an_id_that_is_not_in_the_dbc_is_told_apart_from_a_wrong_frame():
    codec = dataspeed_codec()
    frame = codec.encode("STEER_CMD", STEER)
    assert codec.decode(frame._replace(id=0x6C0)).fault == "unknown_id"
    assert codec.decode(frame._replace(extended=True)).fault == "unknown_id"
    assert codec.decode(frame._replace(data=frame.data[:-1])) == Rejected("length", "STEER_CMD", "7 bytes, expected 8")
    assert codec.decode(frame._replace(data=bytes(8))).fault == "crc"


def test_the_crc_covers_the_id():
    codec = dataspeed_codec()
    frame = codec.encode("STEER_CMD", STEER)
    assert codec.decode(frame._replace(id=0x211)).fault == "crc"


def test_a_counter_and_its_complement_must_fit():
    codec = pacmod_codec()
    frame = codec.encode(
        "GLOBAL_CMD", {"CLEAR_FAULTS": 0, "SANITY_CHECK_REQUIRED": 1, "CLEAR_OVERRIDES": 0, "COUNTER": 5}
    )
    assert codec.decode(frame).values["COUNTER"] == 5
    assert codec.decode(frame._replace(data=bytes((frame.data[0], 0x55)))).fault == "complement"


def test_the_raw_value_that_means_unknown_is_nan_and_named():
    # STEER_REPORT of ds_dbw_can 2.3.11 with angle and torque unknown.
    answer = dataspeed_codec().decode(Frame(0x100, bytes.fromhex("00200000800040e2")))
    assert answer.invalid == ("ANGLE", "TORQUE")
    assert math.isnan(answer.values["ANGLE"])


def test_choices_have_names_and_unnamed_numbers_stay_numbers():
    codec = dataspeed_codec()
    assert codec.choice("SYSTEM_REPORT", "REASON_DISENGAGED", 36) == "steer_command_timeout"
    assert codec.choice("SYSTEM_REPORT", "REASON_DISENGAGED", 77) == "77"
    assert codec.choice("SYSTEM_REPORT", "REASON_DISENGAGED", math.nan) == "nan"


def test_a_dbc_that_is_not_there_is_named():
    with pytest.raises(DbwError, match=r"cannot read /nowhere/car.dbc"):
        Codec.load(Path("/nowhere/car.dbc"))


@pytest.mark.parametrize(
    ("signals", "complaint"),
    [
        ('SG_ A : 0|8@1+ (1,0) [0|255] "" X\n SG_ B : 15|8@0+ (1,0) [0|255] "" X', "one byte order"),
        ('SG_ A : 0|8@1+ (1,0) [0|0] "" X', "A needs an integer and a range"),
        ('SG_ A : 0|8@1+ (1,0) [0|255] "" X', "lacks the signals of its Check"),
    ],
)
def test_a_dbc_that_asks_for_what_is_not_here_is_refused(tmp_path, signals, complaint):
    path = tmp_path / "car.dbc"
    text = f'VERSION ""\nNS_ :\nBS_:\nBU_: X\nBO_ 1 M: 2 X\n {signals}\n\n'
    text += 'BA_DEF_ BO_ "Check" STRING ;\nBA_DEF_DEF_ "Check" "j1850";\n'
    path.write_text(text)
    with pytest.raises(DbwError, match=complaint):
        Codec.load(path)


def test_a_file_that_is_no_dbc_is_refused(tmp_path):
    path = tmp_path / "car.dbc"
    path.write_text("no dbc at all")
    with pytest.raises(DbwError, match="cannot read"):
        Codec.load(path)


def test_a_missing_cantools_is_named_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "cantools.database", None)
    with pytest.raises(DbwError, match=r"car.dbc needs cantools: pip install 'sim2real_ad\[can\]'"):
        Codec.load(Path("car.dbc"))
