"""A ROS context of its own, over the real transport, for tests that talk to real nodes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="needs the ros extra or a sourced ROS distribution")
pytest.importorskip("sim2real_ad_msgs", reason="needs the message packages: make setup")

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from sim2real_ad.ros.domain import DomainClaim
from sim2real_ad.ros.processes import ProcessGroup
from sim2real_ad.ros.transport import transport_environment


@pytest.fixture(scope="session")
def ros_environment() -> Iterator[dict[str, str]]:
    claim = DomainClaim({})
    environment = transport_environment(os.environ) | {"ROS_DOMAIN_ID": str(claim.domain)}
    before = dict(os.environ)
    os.environ.update(environment)
    yield environment
    os.environ.clear()
    os.environ.update(before)
    claim.close()


class Peer:
    """A node in the test's own process."""

    def __init__(self) -> None:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self.node = rclpy.create_node("peer", start_parameter_services=False)
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)

    def until(self, condition: Callable[[], Any], timeout_s: float = 30.0) -> bool:
        """Spin until a condition holds; return whether it came to hold."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            if condition():
                return True
            self.executor.spin_once(timeout_sec=0.02)
        return False

    def spin_for(self, seconds: float) -> None:
        """Handle what comes for a while."""
        self.until(lambda: False, seconds)

    def close(self) -> None:
        self.executor.shutdown(timeout_sec=1.0)
        self.node.destroy_node()
        rclpy.try_shutdown()


@pytest.fixture
def peer(ros_environment: dict[str, str]) -> Iterator[Peer]:
    made = Peer()
    yield made
    made.close()


@pytest.fixture
def processes(ros_environment: dict[str, str], tmp_path: Path) -> Iterator[ProcessGroup]:
    group = ProcessGroup(ros_environment, tmp_path / "logs")
    yield group
    group.stop()
