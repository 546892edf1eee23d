from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.config import find_config
from sim2real_ad.doctor.calibrate_notes import values_to_calibrate

PROFILE = """# "calibrate": this line tells what the word means, and marks nothing.
name: "van # calibrate"       # a name, in quotes
mass: 2600.0                  # kerb, about; calibrate with the load
steering: {delay_s: 0.24, lag_s: 0.27}   # calibrate
protocol:
  ratio: 17.0   # Calibrate
  rate: 3
  boards: [1, 2]   # calibrate
"""


def test_values_count_whose_own_line_says_calibrate_in_a_comment() -> None:
    assert values_to_calibrate(PROFILE) == [
        "mass",
        "steering.delay_s",
        "steering.lag_s",
        "protocol.ratio",
        "protocol.boards[0]",
        "protocol.boards[1]",
    ]


def test_the_transit_s_profile_says_how_much_of_it_is_a_guess() -> None:
    keys = values_to_calibrate(Path(find_config("e_transit", "vehicles")).read_text())
    assert {"front_overhang", "mass", "steering.lag_s", "accel_map"} <= set(keys)
    assert "wheelbase" not in keys


def test_an_empty_file_has_nothing_to_calibrate() -> None:
    assert values_to_calibrate("# calibrate\n") == []


def test_what_is_no_yaml_is_told() -> None:
    with pytest.raises(yaml.YAMLError):
        values_to_calibrate("a: [1\nb: 2")


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.booleans()), max_size=20))
def test_as_many_values_are_found_as_lines_were_marked(values: list[tuple[float, bool]]) -> None:
    lines = [
        f"key{n}: {value!r}{'  # calibrate' if marked else '  # sure'}" for n, (value, marked) in enumerate(values)
    ]
    assert len(values_to_calibrate("\n".join(lines))) == sum(marked for _, marked in values)
