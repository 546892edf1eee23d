"""Small bags of made-up drives, under Autoware's names."""

from pathlib import Path

import cv2
import numpy as np

from sim2real_ad.bag.messages import blank, set_stamp
from sim2real_ad.bag.write import BagWriter
from sim2real_ad.calibration.signals import Signals
from sim2real_ad.types import ns_from_seconds

START_NS = 1_700_000_000 * 10**9
PERIOD_S = 0.02
VELOCITY = ("/vehicle/status/velocity_status", "autoware_vehicle_msgs/msg/VelocityReport")
ODOMETRY = ("/localization/kinematic_state", "nav_msgs/msg/Odometry")
ACCELERATION = ("/localization/acceleration", "geometry_msgs/msg/AccelWithCovarianceStamped")
STEERING = ("/vehicle/status/steering_status", "autoware_vehicle_msgs/msg/SteeringReport")
CONTROL = ("/control/command/control_cmd", "autoware_control_msgs/msg/Control")
MODE = ("/vehicle/status/control_mode", "autoware_vehicle_msgs/msg/ControlModeReport")
DRIVER = ("/vehicle/status/driver_input", "sim2real_ad_msgs/msg/DriverInput")
PICTURE = ("/camera/image_raw/compressed", "sensor_msgs/msg/CompressedImage")
WHEEL = ("/wheel", "geometry_msgs/msg/Vector3Stamped")


def velocity(speed, yaw_rate=0.0):
    message = blank(VELOCITY[1])
    message.longitudinal_velocity, message.heading_rate = speed, yaw_rate
    return message


def odometry(speed, yaw_rate=0.0, slope=0.0):
    message = blank(ODOMETRY[1])
    message.twist.twist.linear.x, message.twist.twist.angular.z = speed, yaw_rate
    message.pose.pose.orientation.w = float(np.cos(slope / 2.0))
    message.pose.pose.orientation.y = float(-np.sin(slope / 2.0))
    return message


def acceleration(value):
    message = blank(ACCELERATION[1])
    message.accel.accel.linear.x = value
    return message


def steering(angle):
    message = blank(STEERING[1])
    message.steering_tire_angle = angle
    return message


def control(angle, wanted):
    message = blank(CONTROL[1])
    message.lateral.steering_tire_angle, message.longitudinal.acceleration = angle, wanted
    return message


def mode(value):
    message = blank(MODE[1])
    message.mode = int(value)
    return message


def driver(throttle, brake):
    message = blank(DRIVER[1])
    message.accelerator_pedal, message.brake_pedal = throttle, brake
    return message


def wheel_deg(angle):
    message = blank(WHEEL[1])
    message.vector.x = float(np.degrees(angle))
    return message


def picture(rgb):
    message = blank(PICTURE[1])
    message.format = "jpeg"
    message.data = cv2.imencode(".jpg", np.ascontiguousarray(rgb[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].ravel()
    return message


class DriveBag:
    """Writes one bag. clock_off_s: of the recorder against the car; late_s: from stamp to recording."""

    def __init__(
        self, path: Path, *, clock_off_s: float = 0.0, late_s: float = 0.002, start_ns: int = START_NS
    ) -> None:
        self._writer = BagWriter(path)
        self._off_ns, self._start_ns = ns_from_seconds(clock_off_s + late_s), start_ns
        self._waiting: list[tuple[int, tuple[str, str], object]] = []

    def add(self, topic, make, series, *more, every: float = PERIOD_S, stamp_back_s: float = 0.0) -> None:
        """Write a topic of the values of signals. stamp_back_s: stamps are older than the values by that."""
        times = series.times if every == 0.0 else np.arange(series.times[0], series.times[-1], every)
        columns = [one.values if every == 0.0 else one.at(times) for one in (series, *more)]
        self.add_each(topic, make, times.tolist(), *(column.tolist() for column in columns), stamp_back_s=stamp_back_s)

    def add_each(self, topic, make, times, *columns, stamp_back_s: float = 0.0) -> None:
        """Write a message for each time and its values."""
        for time_s, *values in zip(times, *columns, strict=True):
            at_ns = self._start_ns + ns_from_seconds(time_s)
            message = make(*values)
            holder = getattr(message, "header", message)
            set_stamp(holder.stamp, at_ns - ns_from_seconds(stamp_back_s))
            self._waiting.append((at_ns + self._off_ns, topic, message))

    def close(self) -> None:
        with self._writer as writer:
            for log_ns, (topic, type_name), message in sorted(self._waiting, key=lambda entry: entry[0]):
                writer.write_new(topic, type_name, message, log_ns)


def write_signals(path: Path, signals: Signals, **options) -> Path:
    """Write what a car with Autoware's interface would have recorded of these signals."""
    bag, series = DriveBag(path, **options), signals.series
    if "speed" in series:
        bag.add(VELOCITY, velocity, *(series[n] for n in ("speed", "yaw_rate") if n in series))
    for name, topic, make in (
        ("steering_tire_angle", STEERING, steering),
        ("acceleration", ACCELERATION, acceleration),
        ("steering_wheel_angle", WHEEL, wheel_deg),
    ):
        if name in series:
            bag.add(topic, make, series[name])
    if "steering_command" in series:
        bag.add(CONTROL, control, series["steering_command"], series["acceleration_command"], every=0.0)
    if "throttle" in series:
        bag.add(DRIVER, driver, series["throttle"], series["brake"])
    bag.close()
    return path
