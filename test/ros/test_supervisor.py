"""What starts a graph leaves its own process as it found it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sim2real_ad.ros.domain import DomainClaim
from sim2real_ad.ros.node_spec import Graph
from sim2real_ad.ros.supervisor import Supervisor

pytestmark = pytest.mark.ros
NOTHING = Graph(())


def test_this_process_has_the_graphs_environment_until_the_graph_has_ended(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)
    before = dict(os.environ)
    with Supervisor(NOTHING, tmp_path) as supervisor:
        assert dict(os.environ) == supervisor.environment
        assert DomainClaim({}).domain != int(os.environ["ROS_DOMAIN_ID"])
    assert dict(os.environ) == before


def test_a_domain_that_is_set_is_the_graphs_and_stays_set(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ROS_DOMAIN_ID", "103")
    for _ in range(2):
        with Supervisor(NOTHING, tmp_path) as supervisor:
            assert supervisor.environment["ROS_DOMAIN_ID"] == "103"
    assert os.environ["ROS_DOMAIN_ID"] == "103"
