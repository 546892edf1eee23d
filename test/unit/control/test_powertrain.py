import subprocess
import sys

import pytest

from sim2real_ad.config import share_path
from sim2real_ad.control.powertrain import POWERTRAINS, accel_map, brake_map

RENEW = "renew with: python -m sim2real_ad.control.powertrain config/vehicles"


@pytest.mark.parametrize("name", sorted(POWERTRAINS))
def test_the_shipped_maps_are_those_that_the_command_writes(name):
    folder = share_path() / "config" / "vehicles"
    assert (folder / f"{name}_accel_map.csv").read_text() == accel_map(POWERTRAINS[name]), RENEW
    assert (folder / f"{name}_brake_map.csv").read_text() == brake_map(POWERTRAINS[name]), RENEW


def test_the_command_writes_into_the_folder_it_is_given(tmp_path):
    subprocess.run([sys.executable, "-m", "sim2real_ad.control.powertrain", str(tmp_path)], check=True)
    assert (tmp_path / "saloon_accel_map.csv").read_text().startswith("default,0,0.5,")
    wrong = subprocess.run([sys.executable, "-m", "sim2real_ad.control.powertrain"], capture_output=True, text=True)
    assert wrong.returncode == 1
    assert "usage" in wrong.stderr


def test_the_motor_gives_its_power_where_the_tyres_no_longer_limit_it():
    saloon = POWERTRAINS["saloon"]
    force = (saloon.driven(1.0, 25.0) + saloon.resistance(25.0)) * saloon.mass
    assert force * 25.0 == pytest.approx(saloon.power)
    assert saloon.driven(1.0, 0.0) == saloon.full_throttle


def test_at_100_km_h_a_saloon_coasts_down_as_road_cars_do():
    assert 0.2 < POWERTRAINS["saloon"].resistance(27.8) < 0.5
