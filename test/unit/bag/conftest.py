"""Recorded drives, and the maker of bags."""

from pathlib import Path

import pytest

from sim2real_ad.evaluation.mcap_stream import RawMessage

from .making import BagMaker, autoware_drive, carla_drive


@pytest.fixture
def bags(tmp_path: Path) -> BagMaker:
    """Return a maker of bags in an empty folder."""
    return BagMaker(tmp_path)


@pytest.fixture(scope="session")
def drive() -> list[RawMessage]:
    """Return two seconds of a car with Autoware's interface, in order of log time."""
    return sorted(autoware_drive(), key=lambda m: m.log_time_ns)


@pytest.fixture(scope="session")
def carla() -> list[RawMessage]:
    """Return a second behind the CARLA bridge."""
    return carla_drive()
