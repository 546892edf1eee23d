"""What holds for whatever the gate commands and the car reports, over random and adversarial sequences."""

import math
from dataclasses import dataclass
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from tracking_cars import LIMITS, TRACKING, VAN, Car, van

from sim2real_ad.control.tracking import Reading, Tracker
from sim2real_ad.control.tracking_loop import braking_kept
from sim2real_ad.types import ControlCommand, ns_from_seconds
from sim2real_ad.vehicle.profile import FirstOrderActuator

LOCK = VAN.max_steering_tire_angle
STEERING_ROOM = TRACKING.steering_loop.lead + TRACKING.steering_loop.correction
DRIVE_ROOM = TRACKING.acceleration_loop.lead + TRACKING.acceleration_loop.correction
PROFILES = (
    VAN,
    van(steering=TRACKING.steering, acceleration=TRACKING.acceleration),
    van(steering=FirstOrderActuator(delay_s=0.0, lag_s=0.0), acceleration=FirstOrderActuator(delay_s=0.0, lag_s=0.0)),
    van(steering=FirstOrderActuator(delay_s=1.0, lag_s=2.0), acceleration=FirstOrderActuator(delay_s=1.0, lag_s=2.0)),
)
WORST = [0.0, -0.0, 1e-300, 1e-9, 0.1, -0.1, 0.62, -0.62, 2.0, -3.5, -3.51, -6.0, 6.0, 1e6, -1e308, 1e308]
BROKEN = [None, math.nan, math.inf, -math.inf]


@dataclass
class Judge:
    """Steps a tracker and checks each command that it sends."""

    tracker: Tracker
    now_ns: int = 0
    before: ControlCommand | None = None

    def step(self, elapsed_ns: int, command: ControlCommand, reading: Reading) -> ControlCommand:
        self.now_ns += elapsed_ns
        sent = self.tracker.step(self.now_ns, command, reading)
        self._check_values(command, sent)
        started = self.before is None or not 0 <= elapsed_ns <= ns_from_seconds(0.5)
        if not started:
            turned = abs(sent.steering_tire_angle - self.before.steering_tire_angle)
            assert turned <= LIMITS.max_steering_rate * TRACKING.rate_margin * elapsed_ns / 1e9 + 1e-9
        elif reading.steering_tire_angle is not None and math.isfinite(reading.steering_tire_angle):
            assert sent.steering_tire_angle == min(max(reading.steering_tire_angle, -LOCK), LOCK)
        self.before = sent
        return sent

    def reset(self) -> None:
        self.tracker.reset()
        self.before = None

    def _check_values(self, command: ControlCommand, sent: ControlCommand) -> None:
        assert math.isfinite(sent.steering_tire_angle)
        assert math.isfinite(sent.acceleration)
        assert abs(sent.steering_tire_angle) <= LOCK
        assert -LIMITS.emergency_deceleration <= sent.acceleration <= LIMITS.max_acceleration
        asked = min(max(command.acceleration, -LIMITS.emergency_deceleration), LIMITS.max_acceleration)
        if asked <= 0.0:
            assert sent.acceleration <= asked, "braking is weaker than commanded"
        if asked < -LIMITS.max_deceleration:
            assert sent.acceleration == asked, "an emergency was changed"
        assert asked - DRIVE_ROOM - 1e-9 <= sent.acceleration <= asked + DRIVE_ROOM + 1e-9


def random_drive(judge: Judge, random: Random, steps: int) -> None:
    """Commands that wander, jump and alternate; reports that follow, lie or fail; a bus that jitters."""
    angle = acceleration = 0.0
    command, mood = ControlCommand(0, 0.0, 0.0), "calm"
    for number in range(steps):
        if random.random() < 0.02:
            mood = random.choice(["calm", "jumps", "alternates", "worst"])
        if mood == "calm":
            angle, acceleration = angle + random.gauss(0.0, 0.005), acceleration + random.gauss(0.0, 0.1)
        elif mood == "jumps" and random.random() < 0.2:
            angle, acceleration = random.uniform(-0.7, 0.7), random.uniform(-7.0, 3.0)
        elif mood == "alternates":
            angle, acceleration = -angle or 0.3, -acceleration or 1.0
        elif mood == "worst":
            angle, acceleration = random.choice(WORST), random.choice(WORST)
        if number % random.choice([1, 2, 5]) == 0:
            command = ControlCommand(judge.now_ns if random.random() < 0.8 else 7, angle, acceleration)
        if random.random() < 0.005:
            judge.reset()
        judge.step(random_pause(random), command, random_reading(random, angle, acceleration))


def random_pause(random: Random) -> int:
    if random.random() < 0.02:
        return random.choice([0, -5, 1, ns_from_seconds(0.5), ns_from_seconds(0.6), ns_from_seconds(0.2)])
    return round(10_000_000 + random.uniform(-4_000_000, 9_000_000))


def random_reading(random: Random, angle: float, acceleration: float) -> Reading:
    if random.random() < 0.1:
        return Reading(*(random.choice([*WORST, *BROKEN]) for _ in range(3)))
    speed = random.choice([0.0, 0.05, 3.0, 8.0])
    return Reading(speed, angle + random.gauss(0.0, 0.05), acceleration + random.gauss(0.0, 0.5))


@settings(max_examples=250, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(PROFILES))
def test_over_a_hundred_thousand_steps_every_command_is_finite_in_bounds_and_never_brakes_less(seed, profile):
    random_drive(Judge(Tracker(profile)), Random(seed), 400)


values = st.floats(-1e308, 1e308) | st.sampled_from(WORST)
reports = st.none() | st.floats(allow_nan=True, allow_infinity=True)
pauses = st.integers(-20_000_000, 700_000_000) | st.integers(0, 20_000_000)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(PROFILES),
    st.lists(st.tuples(pauses, st.integers(0, 3), values, values, reports, reports, reports), max_size=25),
)
def test_no_sequence_that_can_be_thought_of_breaks_a_bound(profile, calls):
    judge = Judge(Tracker(profile))
    for elapsed, stamp, angle, acceleration, *measured in calls:
        judge.step(elapsed, ControlCommand(stamp, angle, acceleration), Reading(*measured))


@given(st.floats(-6.0, 2.0), st.floats(0.0, 10.0))
def test_what_may_be_sent_is_never_nothing_and_never_less_braking(command, departure):
    low, high = braking_kept(command, departure, LIMITS)
    assert low <= command <= high
    assert high == command or command > 0.0


@settings(max_examples=20, deadline=None)
@given(st.floats(-0.6, 0.6), st.floats(1.0, 20.0), st.floats(-0.1, 0.1))
def test_however_long_the_driver_holds_the_wheel_the_car_then_does_as_it_is_told(hands, seconds, angle):
    car = Car(hands=hands).hold(seconds, angle)
    car.hands = None
    car.hold(3.0, angle)
    assert abs(car.angles[-1] - angle) < 2e-3


@settings(max_examples=20, deadline=None)
@given(st.floats(-0.02, 0.02), st.floats(0.8, 1.2), st.floats(0.0, 0.1), st.floats(-0.4, 0.0))
def test_a_car_that_is_off_by_what_settings_allow_does_as_it_is_told(offset, gain, angle, pull):
    car = Car(offset=offset, gain=gain, pull=pull).hold(8.0, angle, 0.8)
    assert abs(car.angles[-1] - angle) < 1.5e-3
    assert abs(car.accelerations[-1] - 0.8) < 0.02


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_drives_are_the_same_again(seed):
    first, again = (Tracker(VAN) for _ in range(2))
    for tracker in (first, again):
        random_drive(Judge(tracker), Random(seed), 50)
    last = ControlCommand(1, 0.1, 0.2)
    assert first.step(10**9, last, Reading()) == again.step(10**9, last, Reading())
