import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.dbw.bits import CounterCheck, CounterStep, crc8_j1850, crc8_seed


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"123456789", 0x4B),  # the check value of the CRC catalogue
        (b"", 0x00),
        (b"0", 0x71),  # these four: SAE_J1850_crc.hpp of ds_dbw_can
        (b"01234567", 0x18),
        (b"0123456789", 0x74),
    ],
)
def test_the_crc_is_that_of_sae_j1850(data, crc):
    assert crc8_j1850(data) == crc


@given(st.integers(0, 0x7FF), st.binary(max_size=8))
def test_the_seed_of_an_id_stands_for_its_two_bytes(can_id, data):
    assert crc8_j1850(data, crc8_seed(can_id)) == crc8_j1850(can_id.to_bytes(2, "big") + data)


@given(st.binary(min_size=1, max_size=8), st.data())
def test_the_crc_shows_every_single_wrong_bit(data, draw):
    bit = draw.draw(st.integers(0, 8 * len(data) - 1))
    spoilt = (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")
    assert crc8_j1850(spoilt) != crc8_j1850(data)


@pytest.mark.parametrize(
    ("before", "after", "step", "missing"),
    [
        (3, 4, CounterStep.NEXT, 0),
        (15, 0, CounterStep.NEXT, 0),
        (3, 3, CounterStep.REPEATED, 0),
        (3, 6, CounterStep.MISSING, 2),
        (14, 1, CounterStep.MISSING, 2),
        (3, 12, CounterStep.JUMPED, 0),
        (3, 2, CounterStep.JUMPED, 0),
    ],
)
def test_a_counter_tells_lost_repeated_and_jumped_frames(before, after, step, missing):
    check = CounterCheck(16)
    assert check.step(before) is CounterStep.FIRST
    assert check.step(after) is step
    assert check.missing == missing


def test_a_counter_of_two_bits_tells_one_lost_frame():
    check = CounterCheck(4)
    assert [check.step(counter) for counter in (0, 1, 3, 0)] == [
        CounterStep.FIRST,
        CounterStep.NEXT,
        CounterStep.MISSING,
        CounterStep.NEXT,
    ]


def test_what_comes_after_forgetting_is_the_first():
    check = CounterCheck(16)
    check.step(3)
    check.forget()
    assert check.step(3) is CounterStep.FIRST
