"""Bags as the signals that `s2r calibrate` works on; `sim2real_ad.calibration` knows neither bags nor topics."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from sim2real_ad.bag.definitions import BagDecoder
from sim2real_ad.bag.images import IMAGE_TYPES
from sim2real_ad.bag.source import BagSource, open_bag
from sim2real_ad.calibration.signals import SIGNALS, Series, Signals
from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.evaluation.mcap_stream import RawMessage
from sim2real_ad.replay.readings import CarReader
from sim2real_ad.replay.roles import Role, Roles, assign_roles
from sim2real_ad.ros.conversions import command_from_message, ns_from_time
from sim2real_ad.types import ns_from_seconds, seconds_from_ns
from sim2real_ad.vehicle.profile import VehicleProfile

CommandTime = Literal["auto", "log", "stamp"]

DRIVES_APART_S = 10.0
"""Time between two bags, or two drives of one, so that nothing is interpolated from one into the other."""
RESTART_NS = ns_from_seconds(1.0)
"""Stamps that go back by more begin another drive."""
LATEST_S = 0.5
"""A report is recorded at most so long after its stamp where the recorder's clock is the car's."""
LEVEL = 1e-6
"""rad; odometry whose slope never exceeds this is of a map without heights."""


@dataclass(frozen=True)
class Field:
    """Where a signal is: a field of a message, like status.accel_status, times a scale."""

    signal: str
    path: str
    scale: float = 1.0

    def of(self, message: Any, raw: RawMessage) -> float:
        """Read it. raw: the message as recorded. Raises ConfigError where the message has no such number."""
        try:
            return self.scale * float(reduce(getattr, self.path.split("."), message))
        except (AttributeError, TypeError, ValueError) as error:
            raise ConfigError(f"{raw.topic} ({raw.type_name}) has no number '{self.path}'") from error


DRIVERS_FEET = "sim2real_ad_msgs/msg/DriverInput"
"""Says nothing of the pedals while the car drives itself."""
KNOWN: Mapping[str, tuple[Field, ...]] = {
    DRIVERS_FEET: (Field("throttle", "accelerator_pedal"), Field("brake", "brake_pedal")),
    "tier4_vehicle_msgs/msg/ActuationStatusStamped": (
        Field("throttle", "status.accel_status"),
        Field("brake", "status.brake_status"),
    ),
    "tier4_vehicle_msgs/msg/SteeringWheelStatusStamped": (Field("steering_wheel_angle", "data"),),
    "ds_dbw_msgs/msg/SteeringReport": (Field("steering_wheel_angle", "steering_wheel_angle", math.radians(1.0)),),
    "ds_dbw_msgs/msg/ThrottleReport": (Field("throttle", "percent_output", 0.01),),
    "ds_dbw_msgs/msg/BrakeReport": (Field("brake", "percent_output", 0.01),),
    "dbw_ford_msgs/msg/SteeringReport": (Field("steering_wheel_angle", "steering_wheel_angle"),),
    "carla_msgs/msg/CarlaEgoVehicleStatus": (Field("throttle", "control.throttle"), Field("brake", "control.brake")),
}
"""Signals of messages whose type says which: of this project, Autoware, Dataspeed and CARLA's bridge."""
KNOWN_TOPICS: Mapping[str, Field] = {
    "pacmod/steering_rpt": Field("steering_wheel_angle", "output"),
    "pacmod/accel_rpt": Field("throttle", "output"),
    "pacmod/brake_rpt": Field("brake", "output"),
}
"""Signals of PACMod's reports, whose type is the same for all, by the end of the topic's name."""
CAR_ROLES: tuple[Role, ...] = (
    "odometry",
    "acceleration",
    "velocity",
    "steering",
    "vehicle_status",
    "control",
    "control_mode",
)
SOURCE_SIGNALS = {"velocity": "speed", "acceleration": "acceleration", "steering": "steering_tire_angle"}
FOLLOWS = {"steering_engaged": (1, 2), "acceleration_engaged": (1, 3)}
"""Modes of autoware_vehicle_msgs/ControlModeReport in which the car follows commands."""


@dataclass(frozen=True)
class BagChoice:
    """How bags are read. topics: by role, fields: (topic, field) by signal, where names and types do not tell."""

    profile: VehicleProfile
    topics: Mapping[str, str]
    fields: Mapping[str, tuple[str, Field]]
    command_time: CommandTime = "auto"


def parse_fields(entries: Iterable[str]) -> dict[str, tuple[str, Field]]:
    """Read NAME=TOPIC:FIELD[*SCALE]. Raises ConfigError."""
    found = {}
    for entry in entries:
        name, _, place = entry.partition("=")
        topic, _, path = place.partition(":")
        path, _, scale = path.partition("*")
        if name not in SIGNALS or not topic or not path:
            raise ConfigError(f"--signal {entry}: not NAME=TOPIC:FIELD[*SCALE], with a name of {', '.join(SIGNALS)}")
        try:
            found[name] = (topic, Field(name, path, float(scale or 1.0)))
        except ValueError as error:
            raise ConfigError(f"--signal {entry}: '{scale}' is no number") from error
    return found


def parse_command_time(name: str) -> CommandTime:
    """Return how commands are placed in time. Raises ConfigError."""
    for known in get_args(CommandTime):
        if name == known:
            return known
    raise ConfigError(f"--command-time {name}: {', '.join(get_args(CommandTime))}")


class DriveClock:
    """One time in s over many drives, from the first stamp on."""

    def __init__(self) -> None:
        self._shift_ns: int | None = None
        self._newest_ns = 0
        self._newest_of_topic: dict[str, int] = {}
        self._fresh = False

    def begin_drive(self) -> None:
        """Let the next stamp begin another drive."""
        self._fresh = True
        self._newest_of_topic.clear()

    def seconds(self, topic: str, stamp_ns: int) -> float:
        """Return a stamp's time. A topic whose stamps go back begins another drive."""
        if stamp_ns < self._newest_of_topic.get(topic, stamp_ns) - RESTART_NS:
            self.begin_drive()
        self._newest_of_topic[topic] = stamp_ns
        if self._shift_ns is None:
            self._shift_ns = -stamp_ns
        elif self._fresh:
            self._shift_ns = self._newest_ns + ns_from_seconds(DRIVES_APART_S) - stamp_ns
        self._fresh = False
        self._newest_ns = max(self._newest_ns, stamp_ns + self._shift_ns)
        return seconds_from_ns(stamp_ns + self._shift_ns)


def read_signals(bags: Sequence[Path], choice: BagChoice) -> Signals:
    """Read the signals of bags, one drive after the other. Raises SourceError, ConfigError."""
    reader = SignalReader(choice)
    for path in bags:
        with open_bag(path) as bag:
            reader.read(bag)
    return reader.signals()


class SignalReader:
    """Collects signals of bags. pictures: (s, log time in ns) of every picture on the way, in order."""

    def __init__(self, choice: BagChoice) -> None:
        self._choice = choice
        self._samples: dict[str, tuple[list[float], list[float]]] = defaultdict(lambda: ([], []))
        self._commands: list[tuple[float, float, float, float]] = []
        self._late_s: list[float] = []
        self._notes: dict[str, None] = {}
        self._unreadable: dict[str, int] = defaultdict(int)
        self._clock = DriveClock()
        self._has_odometry = self._drives_itself = False
        self.pictures: list[tuple[float, int]] = []

    def read(self, bag: BagSource, picture_topic: str = "") -> None:
        """Read a bag as another drive. picture_topic: whose pictures to note."""
        types = {name: topic.type_name for name, topic in bag.topics.items()}
        roles = assign_roles({n: t for n, t in types.items() if t not in IMAGE_TYPES}, self._choice.topics)
        car, fields = CarReader(roles, self._choice.profile), self._fields(types)
        self._has_odometry, self._drives_itself = "odometry" in roles, False
        by_topic = {topic: role for topic, role in roles.by_topic.items() if role in CAR_ROLES}
        decode = BagDecoder()
        self._clock.begin_drive()
        for raw in bag.messages({*by_topic, *fields, *([picture_topic] if picture_topic else [])}):
            if raw.topic == picture_topic:
                self.pictures.append((self._clock.seconds(raw.topic, raw.leading_stamp_ns()), raw.log_time_ns))
                continue
            try:
                message = decode(raw)
            except SourceError:
                self._unreadable[raw.topic] += 1
                continue
            self._take(raw, message, by_topic.get(raw.topic), fields.get(raw.topic, ()), car)
        self._note_derived(roles, car)
        self._place_commands()
        for problem in bag.problems:
            self._notes[f"{bag.path.name}: {problem}"] = None

    def signals(self) -> Signals:
        """Return what was read."""
        series = {name: Series.of(np.array(times), np.array(values)) for name, (times, values) in self._samples.items()}
        slope = series.get("slope")
        if slope is not None and np.abs(slope.values).max(initial=0.0) < LEVEL:
            del series["slope"]
        lost = [f"{topic}: {count} messages cannot be read" for topic, count in self._unreadable.items()]
        return Signals(series, (*self._notes, *lost))

    def _fields(self, types: Mapping[str, str]) -> dict[str, list[Field]]:
        """Return the fields to be read by topic; what the user said comes in the place of what is known."""
        fields: dict[str, list[Field]] = defaultdict(list)
        for topic, type_name in sorted(types.items()):
            by_name = [field for end, field in KNOWN_TOPICS.items() if topic.endswith(end)]
            fields[topic] += [f for f in (*KNOWN.get(type_name, ()), *by_name) if f.signal not in self._choice.fields]
        for name, (topic, field) in self._choice.fields.items():
            if topic not in types:
                raise ConfigError(f"--signal {name}: no topic {topic} in the bag; it has {', '.join(sorted(types))}")
            fields[topic].append(field)
        return {topic: found for topic, found in fields.items() if found}

    def _take(self, raw: RawMessage, message: Any, role: Role | None, fields: Iterable[Field], car: CarReader) -> None:
        stamp_ns = _stamp_ns(message, raw.log_time_ns)
        time_s = self._clock.seconds(raw.topic, stamp_ns)
        if role == "control":
            self._take_command(message, time_s, seconds_from_ns(raw.log_time_ns - stamp_ns))
        elif role is not None:
            self._late_s.append(seconds_from_ns(raw.log_time_ns - stamp_ns))
            self._take_report(role, message, time_s, car)
        if raw.type_name == DRIVERS_FEET and self._drives_itself:
            return
        for field in fields:
            self._add(field.signal, time_s, field.of(message, raw))

    def _take_report(self, role: Role, message: Any, time_s: float, car: CarReader) -> None:
        if role == "control_mode":
            for name, modes in FOLLOWS.items():
                self._add_unless_told(name, time_s, float(message.mode in modes))
            self._drives_itself = message.mode in FOLLOWS["acceleration_engaged"]
            return
        for source, reading in car.read(role, message):
            if source == "odometry":
                self._add_unless_told("yaw_rate", time_s, reading.values[3])
                self._add_unless_told("slope", time_s, _slope(message.pose.pose.orientation))
            elif source == "velocity" or source not in car.derived:
                self._add_unless_told(SOURCE_SIGNALS[source], time_s, reading.values[0])
        if role == "velocity" and not self._has_odometry:
            self._add_unless_told("yaw_rate", time_s, message.heading_rate)

    def _take_command(self, message: Any, time_s: float, late_s: float) -> None:
        command = command_from_message(message)
        self._commands.append((time_s, late_s, command.steering_tire_angle, command.acceleration))

    def _place_commands(self) -> None:
        """Place a bag's commands in time: when they were recorded, where the recorder's clock is the car's.

        The stamp of a command may be that of the picture that it answers, which is older.
        """
        choice = self._choice.command_time
        low, high = np.quantile(self._late_s, (0.05, 0.95)) if self._late_s else (0.0, math.inf)
        by_log = choice == "log" or (choice == "auto" and low > -0.01 and high < LATEST_S)
        if self._commands:
            when = "when they were recorded" if by_log else "by their stamps, which may be their pictures'"
            self._notes[f"commands are placed {when}"] = None
        for time_s, late_s, angle, acceleration in self._commands:
            at = time_s + late_s if by_log else time_s
            self._add_unless_told("steering_command", at, angle)
            self._add_unless_told("acceleration_command", at, acceleration)
        self._commands.clear()
        self._late_s.clear()

    def _note_derived(self, roles: Roles, car: CarReader) -> None:
        if "velocity" in car.derived and "odometry" in roles and "speed" not in self._choice.fields:
            self._notes[f"speed: {car.derived['velocity']}"] = None
        if "vehicle_status" in roles:
            self._notes["steering_tire_angle: CARLA's status tells the command's share of full lock"] = None

    def _add_unless_told(self, name: str, time_s: float, value: float) -> None:
        if name not in self._choice.fields:
            self._add(name, time_s, value)

    def _add(self, name: str, time_s: float, value: float) -> None:
        times, values = self._samples[name]
        times.append(time_s)
        values.append(value)


def _stamp_ns(message: Any, log_time_ns: int) -> int:
    """Return a message's own stamp, where it has none or 0 the time when it was recorded."""
    holder = getattr(message, "header", message)
    stamp = getattr(holder, "stamp", None)
    return (ns_from_time(stamp) if stamp is not None else 0) or log_time_ns


def _slope(q: Any) -> float:
    """Return how steeply base_link x rises in rad, by its attitude as a quaternion."""
    return math.asin(min(max(2.0 * (q.x * q.z - q.w * q.y), -1.0), 1.0))
