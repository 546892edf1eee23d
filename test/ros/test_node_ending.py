"""A node that is told to end while it is still starting ends without a complaint."""

from __future__ import annotations

import signal
import time

import pytest

from sim2real_ad.ros.graph import DriveOptions, sim_graph
from sim2real_ad.ros.supervisor import node_command

pytestmark = pytest.mark.ros


@pytest.mark.parametrize("after_s", [0.2, 0.5, 0.8, 1.1, 1.4])
def test_a_node_that_is_told_to_end_while_it_starts_says_nothing(peer, processes, after_s: float) -> None:
    process = processes.start("actuation", node_command(sim_graph(DriveOptions()).node("actuation")))
    time.sleep(after_s)
    process.signal(signal.SIGTERM)
    assert peer.until(lambda: process.exit_status is not None)
    assert process.exit_status in (0, -signal.SIGTERM)
    assert not [line for line in process.log_lines() if "Traceback" in line or "error" in line.lower()]
