"""Settings for every test."""

import os
import signal

import pytest
from hypothesis import settings

# A shell's background jobs ignore Ctrl-C, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no failure: examples are bounded in number, not in time.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def no_folders_left_behind(tmp_path_factory):
    """Stable-Baselines3 makes a folder in the machine's own /tmp for every model that is given no logger."""
    os.environ["SB3_LOGDIR"] = str(tmp_path_factory.mktemp("sb3"))
