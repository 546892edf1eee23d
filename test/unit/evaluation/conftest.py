"""A made-up drive, written through the real message definitions, the real MCAP writer and the real ResultWriter."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from mcap.writer import CompressionType, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from sim2real_ad.config import share_path
from sim2real_ad.evaluation.results import RECORDING_FILE, EpisodeResult, Infraction, ResultWriter, RunInfo
from sim2real_ad.observation.spec import ObservationSpec

TICK_NS = 50_000_000
SPEC = ObservationSpec()
STAGES = (("camera", 1.2), ("adapter", 9.0), ("policy", 1.6), ("actuation", 0.4), ("safety_gate", 0.5))
OWN_TYPES = {
    "autoware_control_msgs": ("Lateral", "Longitudinal", "Control"),
    "autoware_vehicle_msgs": ("SteeringReport", "VelocityReport"),
    "sim2real_ad_msgs": ("EpisodeStatus", "FrameTiming", "GateStatus", "Observation", "PolicyAction", "Route"),
}


@dataclass
class Drive:
    """One made-up episode: seconds long, at 20 Hz, on a bend to the left, braking to a stop at its end."""

    scenario: str = "stop_sign"
    seed: int = 7
    seconds: float = 3.0
    success: bool = True
    infractions: tuple[Infraction, ...] = ()
    start_ns: int = 5_000_000_000
    gate_at: tuple[int, ...] = ()
    error: str | None = None
    size: tuple[int, int] = (320, 180)
    strays: tuple[int, ...] = ()
    """Stamps of odometry that reaches the recorder just before the drive's end is announced, and once more after it."""


@dataclass
class RunMaker:
    """Writes a run's folder as an evaluation does. The file's topics arrive late by one message, as in a real graph."""

    folder: Path
    store: Any = field(default_factory=lambda: _typestore())
    compression: CompressionType = CompressionType.NONE

    def write(self, drives: list[Drive], *, announce: bool = True, finish: bool = True) -> Path:
        """Write run.json, result.jsonl, summary.json and the recording; return the folder."""
        run = RunInfo(
            command=("s2r", "drive", "--scenario", "all"),
            mode="lockstep",
            world="embedded",
            started_at="2026-01-02T03:04:05+00:00",
            seed=7,
            versions={"sim2real_ad": "0.1.0", "python": "3.11.2"},
            observation=SPEC,
        )
        with ResultWriter(self.folder, run) as results, (self.folder / RECORDING_FILE).open("wb") as file:
            recorder = Recorder(Writer(file, compression=self.compression, chunk_size=200_000), self.store)
            for index, drive in enumerate(drives):
                result = _result(index, drive)
                recorder.write_drive(drive, result, announce=announce)
                results.write(result)
            if finish:
                recorder.writer.finish()
        return self.folder


class Recorder:
    def __init__(self, writer: Writer, store: Any) -> None:
        self.writer, self.store = writer, store
        self.writer.start(profile="ros2", library="test")
        self._channels: dict[str, int] = {}
        self._log_time = 0

    def put(self, topic: str, type_name: str, message: SimpleNamespace) -> None:
        if topic not in self._channels:
            definition = self.store.generate_msgdef(type_name)[0]
            schema = self.writer.register_schema(type_name, "ros2msg", definition.encode())
            self._channels[topic] = self.writer.register_channel(topic, "cdr", schema)
        data = bytes(self.store.serialize_cdr(message, type_name))
        self._log_time += 1
        self.writer.add_message(self._channels[topic], self._log_time, data, self._log_time)

    def write_drive(self, drive: Drive, result: EpisodeResult, *, announce: bool) -> None:
        messages = self._ticks(drive)
        for _ in range(4):  # the first messages overtake the announcement
            self.put(*next(messages))
        if announce:
            self.put(*self._status(drive, 1, drive.start_ns))
        strays = [self._odometry(stamp_ns, (0.0, 0.0, 0.0), 0.0, 0.0) for stamp_ns in drive.strays]
        for message in (*messages, *strays):
            self.put(*message)
        if announce:
            end_ns = drive.start_ns + round(drive.seconds * 1e9)
            text = "" if drive.error else result.model_dump_json()
            self.put(*self._status(drive, 3 if drive.error else 2, end_ns, drive.error or "", text))
            for stray in strays:
                self.put(*stray)

    def _status(self, drive: Drive, state: int, stamp_ns: int, message: str = "", result: str = "") -> tuple:
        fields = {"scenario": drive.scenario, "seed": drive.seed, "state": state, "message": message, "result": result}
        kind = "sim2real_ad_msgs/msg/EpisodeStatus"
        return "/simulation/episode", kind, self._make(kind, stamp=self._time(stamp_ns), **fields)

    def _make(self, type_name: str, **fields: object) -> Any:
        return self.store.types[type_name](**fields)

    def _time(self, stamp_ns: int) -> Any:
        return self._make("builtin_interfaces/msg/Time", sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)

    def _header(self, stamp_ns: int, frame: str = "base_link") -> Any:
        return self._make("std_msgs/msg/Header", stamp=self._time(stamp_ns), frame_id=frame)

    def _ticks(self, drive: Drive) -> Iterator[tuple]:
        speed, distance, radius = 8.0, 0.0, 60.0
        count = round(drive.seconds * 20)
        yield self._route(drive, radius)
        for tick in range(count):
            stamp_ns = drive.start_ns + tick * TICK_NS
            acceleration = -2.0 if tick > 0.6 * count and speed > 0.1 else 0.3 * math.sin(tick / 9)
            speed = max(0.0, speed + acceleration * 0.05)
            distance += speed * 0.05
            yaw = distance / radius
            pose = (radius * math.sin(yaw), radius * (1 - math.cos(yaw)), yaw)
            yield self._image(stamp_ns, drive, distance)
            yield self._odometry(stamp_ns, pose, speed, speed / radius)
            yield self._observation(stamp_ns, distance, radius, speed)
            steer = 2.7 / radius + 0.004 * math.sin(tick / 4)
            yield from self._commands(stamp_ns, steer, acceleration, speed)
            yield from self._gate(stamp_ns, tick in drive.gate_at)
            yield from self._timings(stamp_ns, tick)

    def _route(self, drive: Drive, radius: float) -> tuple:
        poses = []
        for yaw in np.linspace(0.0, 1.2, 60):
            point = (radius * math.sin(yaw), radius * (1 - math.cos(yaw)), 0.0)
            poses.append(self._pose_stamped(drive.start_ns, *point))
        path = self._make("nav_msgs/msg/Path", header=self._header(drive.start_ns, "map"), poses=poses)
        kind = "sim2real_ad_msgs/msg/Route"
        return "/planning/route", kind, self._make(kind, path=path, speed_limit=8.33)

    def _pose(self, x: float, y: float, yaw: float) -> Any:
        quaternion = self._make("geometry_msgs/msg/Quaternion", x=0.0, y=0.0, z=math.sin(yaw / 2), w=math.cos(yaw / 2))
        point = self._make("geometry_msgs/msg/Point", x=x, y=y, z=0.0)
        return self._make("geometry_msgs/msg/Pose", position=point, orientation=quaternion)

    def _pose_stamped(self, stamp_ns: int, x: float, y: float, yaw: float) -> Any:
        header = self._header(stamp_ns, "map")
        return self._make("geometry_msgs/msg/PoseStamped", header=header, pose=self._pose(x, y, yaw))

    def _image(self, stamp_ns: int, drive: Drive, distance: float) -> tuple:
        width, height = drive.size
        rgb = np.empty((height, width, 3), np.uint8)
        rgb[: height // 2] = np.linspace((120, 160, 210), (205, 215, 225), height // 2)[:, None]
        rgb[height // 2 :] = np.linspace((96, 110, 84), (78, 96, 66), height - height // 2)[:, None]
        road = np.array([[width * 0.49, height / 2], [width * 0.52, height / 2], [width, height], [0, height]], int)
        cv2.fillPoly(rgb, [road], (84, 86, 90))
        ahead = max(4.0, 60.0 - distance)
        cv2.rectangle(
            rgb, (width // 2, height // 2), (width // 2 + int(400 / ahead), height // 2 + int(350 / ahead)), 40
        )
        kind = "sensor_msgs/msg/Image"
        fields = {"height": height, "width": width, "encoding": "rgb8", "is_bigendian": 0, "step": width * 3}
        header = self._header(stamp_ns, "camera_front_optical")
        return "/sensing/camera/front/image_raw", kind, self._make(kind, header=header, data=rgb.reshape(-1), **fields)

    def _odometry(self, stamp_ns: int, pose: tuple[float, float, float], speed: float, yaw_rate: float) -> tuple:
        def vector(x: float = 0.0, z: float = 0.0) -> Any:
            return self._make("geometry_msgs/msg/Vector3", x=x, y=0.0, z=z)

        twist = self._make("geometry_msgs/msg/Twist", linear=vector(x=speed), angular=vector(z=yaw_rate))
        zeros = np.zeros(36)
        kind = "nav_msgs/msg/Odometry"
        message = self._make(
            kind,
            header=self._header(stamp_ns, "map"),
            child_frame_id="base_link",
            pose=self._make("geometry_msgs/msg/PoseWithCovariance", pose=self._pose(*pose), covariance=zeros),
            twist=self._make("geometry_msgs/msg/TwistWithCovariance", twist=twist, covariance=zeros),
        )
        return "/localization/kinematic_state", kind, message

    def _observation(self, stamp_ns: int, distance: float, radius: float, speed: float) -> tuple:
        cells = SPEC.bev.cell_centres()
        offset = np.hypot(cells[..., 0], cells[..., 1] - radius) - radius
        bev = np.zeros(SPEC.bev.shape, np.uint8)
        bev[0] = np.where(np.abs(offset) < 3.6, 240, 8)
        bev[1] = np.where(np.abs(np.abs(offset) - 3.4) < 0.3, 220, 0)
        bev[2] = np.where((np.abs(offset) < 3.4) & (np.abs(cells[..., 0] - (34.0 - distance)) < 0.4), 230, 0)
        bev[3] = np.where((np.abs(offset + 1.7) < 1.0) & (np.abs(cells[..., 0] - 26.0) < 2.2), 235, 0)
        validity = np.where(np.abs(cells[..., 1]) < cells[..., 0] * 0.9, 255, 0).astype(np.uint8)
        arc = np.arange(SPEC.route_points) * SPEC.route_spacing / radius
        route = np.stack((radius * np.sin(arc), radius * (1 - np.cos(arc))), axis=-1).astype(np.float32)
        kind = "sim2real_ad_msgs/msg/Observation"
        message = self._make(
            kind,
            header=self._header(stamp_ns),
            spec_fingerprint=SPEC.fingerprint,
            channels=bev.shape[0],
            height=bev.shape[1],
            width=bev.shape[2],
            bev=bev.reshape(-1),
            validity=validity.reshape(-1),
            history_length=len(SPEC.history_s),
            history=np.tile(bev.reshape(-1), len(SPEC.history_s)),
            ego=np.array([speed, 0.0, speed / radius, 0.05, 0.0, 99.0], np.float32),
            route=route.reshape(-1),
            speed_limit=8.33,
            ood=0.1,
        )
        return "/sim2real_ad/observation", kind, message

    def _commands(self, stamp_ns: int, steer: float, acceleration: float, speed: float) -> Iterator[tuple]:
        stamp, kind = self._time(stamp_ns), "autoware_vehicle_msgs/msg/SteeringReport"
        report = self._make(kind, stamp=stamp, steering_tire_angle=steer * 0.97)
        yield "/vehicle/status/steering_status", kind, report
        kind = "autoware_control_msgs/msg/Control"
        zero = self._time(0)
        lateral = self._make(
            "autoware_control_msgs/msg/Lateral",
            stamp=stamp,
            control_time=zero,
            steering_tire_angle=steer,
            steering_tire_rotation_rate=0.0,
            is_defined_steering_tire_rotation_rate=False,
        )
        longitudinal = self._make(
            "autoware_control_msgs/msg/Longitudinal",
            stamp=stamp,
            control_time=zero,
            velocity=speed,
            acceleration=acceleration,
            jerk=0.0,
            is_defined_acceleration=True,
            is_defined_jerk=False,
        )
        message = self._make(kind, stamp=stamp, control_time=zero, lateral=lateral, longitudinal=longitudinal)
        yield "/sim2real_ad/control_request", kind, message
        yield "/control/command/control_cmd", kind, message

    def _gate(self, stamp_ns: int, limited: bool) -> Iterator[tuple]:
        kind = "sim2real_ad_msgs/msg/GateStatus"
        reasons = ["steering_rate"] if limited else []
        header = self._header(stamp_ns)
        status = self._make(kind, header=header, state="DRIVE", reasons=reasons, engaged=True, age=0.014)
        yield "/sim2real_ad/gate_status", kind, status

    def _timings(self, stamp_ns: int, tick: int) -> Iterator[tuple]:
        kind, at = "sim2real_ad_msgs/msg/FrameTiming", stamp_ns
        for stage, cost_ms in STAGES:
            received = at + 700_000
            at = received + int(cost_ms * (1.0 + 0.2 * math.sin(tick * 1.7)) * 1e6)
            stamp = self._time(stamp_ns)
            message = self._make(kind, stamp=stamp, stage=stage, received_ns=received, published_ns=at, dropped=0)
            yield "/sim2real_ad/frame_timing", kind, message


def _typestore() -> Any:
    store = get_typestore(Stores.ROS2_JAZZY)
    types: dict[str, Any] = {}
    for package, names in OWN_TYPES.items():
        for name in names:
            text = (share_path() / "src" / "interfaces" / package / "msg" / f"{name}.msg").read_text()
            types |= get_types_from_msg(text, f"{package}/msg/{name}")
    store.register(types)
    return store


def _result(index: int, drive: Drive) -> EpisodeResult:
    noise = np.random.default_rng(index)
    return EpisodeResult(
        index=index,
        scenario=drive.scenario,
        seed=drive.seed,
        success=drive.success and drive.error is None,
        infractions=drive.infractions,
        duration_s=drive.seconds,
        progress=1.0 if drive.success else 0.6,
        trajectory_hash=f"{index:064x}",
        frames_sent=round(drive.seconds * 20),
        latencies_ms=tuple(np.round(noise.gamma(40.0, 0.4, round(drive.seconds * 20)), 3).tolist()),
        real_time_factor=1.6,
        gate_interventions={"steering_rate": len(drive.gate_at)} if drive.gate_at else {},
        comfort={"max_deceleration": 2.0, "max_lateral_acceleration": 1.1},
        error=drive.error,
    )


@pytest.fixture
def run_maker(tmp_path: Path) -> RunMaker:
    """Return a maker of runs in an empty folder."""
    return RunMaker(tmp_path / "run")


@pytest.fixture
def drive() -> Callable[..., Drive]:
    """Return the class of made-up episodes."""
    return Drive
