"""The whole graph beside a bridge that someone else runs: pictures in on CARLA's topics, pedals out on them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim2real_ad.evaluation.mcap_stream import McapStream, MessageDecoder
from sim2real_ad.ros.graph import CarlaFlavour, DriveOptions, relay_graph
from sim2real_ad.ros.supervisor import Supervisor
from sim2real_ad.ros.topics import ACCELERATION, GATE_STATUS, ODOMETRY, ROUTE, STEERING, VELOCITY
from sim2real_ad.types import EgoState
from sim2real_ad.world.path import Path as Polyline

from .relayed_world import RelayedWorld

pytestmark = [pytest.mark.ros, pytest.mark.sim]
SECONDS = 4.0


def drive(world: RelayedWorld, folder: Path) -> list[EgoState]:
    """Drive the world by the graph, recorded into the folder; return what the car did."""
    (folder / "driven.xodr").write_text(world.world.network.xodr)
    route = ""
    if world.bridge == "native":
        route = str(folder / "route.csv")
        np.savetxt(route, world.world.plan.route.points[::4], delimiter=",", header="x,y", comments="")
    options = DriveOptions(recording=str(folder / "recording.mcap"))
    graph = relay_graph(options, world.bridge, world.role, route=route, map_path=str(folder / "driven.xodr"))
    with Supervisor(graph, folder / "logs") as supervisor:
        world.open()
        supervisor.start()
        supervisor.wait_until_ready()
        world.wait_for_relay()
        return world.drive(SECONDS, patience_s=30.0, check=supervisor.check)


def messages_of(recording: Path) -> dict[str, list[Any]]:
    recorded, decode = defaultdict(list), MessageDecoder()
    for message in McapStream(recording):
        recorded[message.topic].append(decode(message))
    return recorded


def check_reports(driven: list[EgoState], recorded: dict[str, list[Any]], speed_tolerance: float) -> None:
    """What the graph was told of the car is what the world's car did."""
    reports = [recorded[topic.name] for topic in (ODOMETRY, VELOCITY, STEERING, ACCELERATION)]
    assert [len(told) for told in reports] == [len(driven) - 1] * 4
    for tick, (truth, odometry, velocity, steering, acceleration) in enumerate(zip(driven[:-1], *reports, strict=True)):
        position = odometry.pose.pose.position
        assert (position.x, position.y) == pytest.approx((truth.pose.x, truth.pose.y), abs=2e-3)
        assert odometry.twist.twist.angular.z == pytest.approx(truth.yaw_rate, abs=1e-6)
        assert acceleration.accel.accel.linear.x == pytest.approx(truth.acceleration, abs=1e-5)
        # The seed draws actuators that are slower or faster than the profile's, which is all that is known of them.
        assert steering.steering_tire_angle == pytest.approx(truth.steering_tire_angle, abs=0.02)
        if tick:  # of the first position alone no speed is known
            assert velocity.longitudinal_velocity == pytest.approx(truth.speed, abs=speed_tolerance)


@pytest.mark.parametrize(("bridge", "speed_tolerance"), [("carla_ros_bridge", 1e-5), ("native", 0.03)])
def test_the_car_drives_along_its_route_and_every_frame_gets_its_pedals(
    bridge: CarlaFlavour, speed_tolerance: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROS_DOMAIN_ID", raising=False)
    world = RelayedWorld(bridge, "hero", "car_following", 3)
    try:
        driven = drive(world, tmp_path)
        route = Polyline(world.world.plan.route.points)
        feet = [route.nearest(ego.pose.x, ego.pose.y) for ego in driven]
        assert feet[-1][0] - feet[0][0] > 12.0
        assert max(abs(lateral) for _, lateral in feet) < 0.6
        assert world.world.truth().ego_colliding is None
    finally:
        world.close()
    assert len(world.controls) == len(driven) - 1
    assert max(control.throttle for control in world.controls) > 0.05
    recorded = messages_of(tmp_path / "recording.mcap")
    assert len(recorded["/carla/hero/vehicle_control_cmd"]) == len(world.controls)
    assert {status.engaged for status in recorded[GATE_STATUS.name]} == {True}
    assert len(recorded[ROUTE.name]) == 1
    check_reports(driven, recorded, speed_tolerance)
