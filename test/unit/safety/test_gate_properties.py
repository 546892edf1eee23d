"""What holds for the gate whatever comes in: random and adversarial sequences, and driving in a closed loop."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from gate_drive import LIMITS, MS, SALOON, TICK, ego, limits_with, request, view
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.control.action_mapping import ActionMapping
from sim2real_ad.control.vehicle_model import DelayedLag, KinematicState, curvature_from_tire_angle, kinematic_step
from sim2real_ad.faults.oracle import Envelope, broken_names, survives_the_wire
from sim2real_ad.observation.route import foot_on_route, route_ahead
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.safety.findings import Severity
from sim2real_ad.safety.gate import Gate, GateConfig
from sim2real_ad.safety.inputs import SOURCES, DriverInput, GateInputs, SpeedReport, VehicleStatus
from sim2real_ad.safety.states import DRIVING, STATES, STOPPING
from sim2real_ad.types import ControlCommand, EgoState, Pose2

GRID = BevSpec(x_max=20.0, y_min=-4.0, y_max=4.0)
WRONG_GRID = BevSpec(x_max=16.0, y_min=-4.0, y_max=4.0)
SHORT = limits_with(manoeuvre={"stop": 1.0, "engaging": 0.5, "healthy": 0.1})
ENVELOPE = Envelope(SALOON, SHORT)
HARDER = {"minimal_risk_manoeuvre": 1, "emergency_stop": 2, "fault": 3}


def make_views():
    """Return views of all kinds: free, blocked near and far, odd, and not for this car at all."""
    noise = view(bev=GRID)
    noise.bev[:] = np.random.default_rng(0).integers(0, 256, noise.bev.shape)
    routes = (
        (),
        ((0.0, 0.0),),
        ((math.nan, 0.0), (1.0, 1.0)),
        ((0.0, 0.0), (math.inf, 1.0)),
        ((0.0, 3e38), (-3e38, 1.0)),
        ((1.0, 1.0),) * 5,
        tuple((10.0 * math.sin(a), 10.0 * (1.0 - math.cos(a))) for a in np.arange(0.0, 6.0, 0.2)),
        ((0.0, -3.0), (-10.0, -3.0)),
    )
    return [
        view(bev=GRID),
        *(
            view(bev=GRID, wall=wall, channel=channel)
            for wall in (3.0, 5.0, 8.0, 14.0)
            for channel in GRID.channels[3:]
        ),
        *(view(bev=GRID, route=route) for route in routes),
        *(view(bev=GRID, ood=ood) for ood in (math.nan, math.inf, 0.51, -1e308)),
        view(bev=GRID, validity=0),
        replace(view(bev=GRID), speed_limit=math.nan),
        replace(view(bev=GRID), validity=np.zeros((0, 0), np.uint8)),
        view(bev=WRONG_GRID),
        replace(view(bev=GRID), bev=np.zeros((0,), np.uint8)),
        noise,
    ]


VIEWS = make_views()


def drives(decision):
    """Say whether a decision passes a request on: in a state that drives, and not in a lapse."""
    return decision.state in DRIVING and not decision.findings


BLOCKED = 7
"""Index of a view of a wall at 8 m; three further on it stands at 14 m."""


def the_command_is_one_that_may_go_out(decision):
    command, limits = decision.command, SALOON.limits
    assert survives_the_wire([command]).all()
    assert abs(command.steering_tire_angle) <= SALOON.max_steering_tire_angle
    assert -limits.emergency_deceleration <= command.acceleration <= limits.max_acceleration
    assert 0.0 <= command.velocity <= limits.max_speed
    assert 0.0 <= command.steering_tire_rotation_rate <= limits.max_steering_rate


# Scripts of hypothesis

numbers = st.one_of(st.floats(-20.0, 40.0), st.floats(), st.sampled_from([0.0, 0.6, -0.6, 3e38, 1e308, 5e-324]))
lags = st.one_of(st.just(0), st.integers(-400 * MS, 400 * MS), st.integers(-(2**62), 2**62))


def optional(*fields):
    return st.one_of(st.none(), st.tuples(lags, *fields))


wild = st.tuples(
    st.one_of(st.just(TICK), st.integers(-TICK, 20 * TICK), st.integers(-(2**62), 2**62)),
    st.fixed_dictionaries(
        {
            "request": optional(numbers, numbers, numbers, numbers),
            "ego": optional(st.tuples(numbers, numbers, numbers), numbers, numbers, numbers, numbers),
            "localization": optional(numbers),
            "view": optional(st.integers(0, len(VIEWS) - 1)),
            "vehicle": optional(st.booleans()),
            "driver": optional(numbers, numbers, numbers),
        }
    ),
)
tame = st.tuples(st.floats(-0.1, 0.1), st.floats(-2.0, 2.0), st.floats(0.0, 12.0)).map(
    lambda values: (
        TICK,
        {
            "request": (0, values[0], values[1], values[2], 0.5),
            "ego": (0, (0.0, 0.0, 0.0), values[2], values[1], 0.0, values[0]),
        },
    )
)
calls = st.lists(st.one_of(tame, tame, wild, st.sampled_from(["engage", "engage", "disengage", "reset"])), max_size=20)
configs = st.tuples(st.booleans(), st.sampled_from([("request", "ego"), SOURCES]), st.sampled_from([GRID, None]))


def build(source, fields, now):
    """Return an input from its fields, the first of which is how far its stamp lies back."""
    stamp = now - fields[0]
    if source == "view":
        return replace(VIEWS[fields[1]], stamp_ns=stamp)
    if source == "ego":
        return EgoState(stamp, Pose2(*fields[1]), *fields[2:])
    kinds = {"request": ControlCommand, "localization": SpeedReport, "vehicle": VehicleStatus, "driver": DriverInput}
    return kinds[source](stamp, *fields[1:])


def run(script, config):
    """Feed a script to a gate; yield every (call, state before, what came of it, inputs, gate)."""
    auto_engage, required, bev = config
    gate, now = Gate(SALOON, GateConfig(auto_engage=auto_engage, required=required, limits=SHORT), bev), 0
    for entry in script:
        before, came = gate.state, None
        if isinstance(entry, str):
            fed = None
            came = gate.engage(now) if entry == "engage" else getattr(gate, entry)()
        else:
            now += entry[0]
            fed = GateInputs(**{s: fields and build(s, fields, now) for s, fields in entry[1].items()})
            came = gate.step(fed, now)
        yield (entry if isinstance(entry, str) else "step"), before, came, fed, gate


def steps(script, config):
    return [(before, came, fed) for call, before, came, fed, _ in run(script, config) if call == "step"]


@settings(max_examples=200)
@given(calls, configs)
def test_whatever_comes_in_the_command_is_finite_float32_and_inside_the_hard_limits(script, config):
    for _, decision, _ in steps(script, config):
        the_command_is_one_that_may_go_out(decision)


@settings(max_examples=200)
@given(calls, configs)
def test_only_a_gate_that_drives_lets_go_of_the_brake_and_every_change_has_a_reason(script, config):
    for _, decision, fed in steps(script, config):
        command = decision.command
        if not drives(decision):
            assert decision.reasons
            assert command.acceleration <= -SALOON.limits.comfortable_deceleration
            assert command.velocity == 0.0
        elif not decision.reasons and fed.request is not None and fed.request.stamp_ns == command.stamp_ns:
            asked = (fed.request.steering_tire_angle, fed.request.acceleration, fed.request.velocity)
            got = (command.steering_tire_angle, command.acceleration, command.velocity)
            assert got == pytest.approx(tuple(float(np.float32(value)) for value in asked), rel=1e-6, abs=1e-30)


@settings(max_examples=200)
@given(calls, configs)
def test_in_a_state_that_drives_nothing_worse_than_a_lapse_was_found(script, config):
    for _, decision, _ in steps(script, config):
        if decision.state in DRIVING:
            assert {finding.severity for finding in decision.findings} <= {Severity.LAPSE}


@settings(max_examples=200)
@given(calls, configs.map(lambda config: (False, *config[1:])))
def test_the_states_follow_from_one_another_as_drawn(script, config):
    for call, before, came, _, gate in run(script, config):
        after = gate.state
        if call == "engage":
            assert after == ("engaging" if came == () else before)
            assert ("not_disengaged" in came) == (before != "disengaged")
        elif call != "step" or before == "disengaged" or Severity.REVOKE in {f.severity for f in came.findings}:
            assert after == "disengaged"
        elif before == "engaging":
            assert after in (*DRIVING, "disengaged")
        elif before == "engaged":
            assert after in ("engaged", *STOPPING)
        else:
            assert HARDER[after] >= HARDER[before]


@settings(max_examples=100)
@given(calls, configs)
def test_the_same_calls_give_the_same_decisions(script, config):
    assert [came for _, came, _ in steps(script, config)] == [came for _, came, _ in steps(script, config)]


@settings(max_examples=100)
@given(calls, configs)
def test_a_reset_gate_decides_as_a_new_one(script, config):
    now = 2**61
    fed = [GateInputs(request=request(now + i, 0.01), ego=ego(now + i)) for i in (0, TICK)]
    auto_engage, required, bev = config
    new = Gate(SALOON, GateConfig(auto_engage=auto_engage, required=required, limits=SHORT), bev)
    used = [gate for *_, gate in run(["reset", *script], config)][-1]
    used.reset()
    for inputs, at in zip(fed, (now, now + TICK), strict=True):
        assert used.step(inputs, at) == new.step(inputs, at)


@given(st.integers(0, 3), st.integers(1, 40), st.booleans())
def test_once_the_inputs_stop_every_command_is_a_stop_within_the_bar(before, silent_ticks, ego_too):
    gate, now = Gate(SALOON, GateConfig(auto_engage=True, limits=LIMITS)), 0
    for _ in range(before + 1):
        now += TICK
        last = request(now, acceleration=2.0), ego(now)
        gate.step(GateInputs(*last), now)
    for quiet in range(1, silent_ticks + 1):
        at = now + quiet * 10 * MS
        decision = gate.step(GateInputs(last[0], last[1] if ego_too else ego(at)), at)
        if quiet <= 10:
            assert drives(decision)
        else:
            assert decision.command.acceleration == (-6.0 if ego_too and quiet > 30 else -1.5)
        if quiet <= 30:
            assert decision.state == "engaged"
        else:
            assert decision.state == ("emergency_stop" if ego_too else "minimal_risk_manoeuvre")


# An adversary

WILD = np.array(
    [math.nan, math.inf, -math.inf, 1e308, -1e308, 3e38, 5e-324, -0.0, 0.6, -0.6, 100.0, -100.1, 30.1, math.pi / 2, 1e7]
)


class Adversary:
    """Drives a gate calmly for a while, then attacks it: any values, stamps, clocks and calls."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.now = int(self.rng.integers(0, 2**60))
        self.speed, self.angle, self.acceleration = 8.0, 0.0, 0.0
        self.calm = self.spell = 20
        self.shown = 0

    def draws(self, count):
        return self.rng.random(count).tolist()

    def wild(self, value):
        return float(WILD[self.rng.integers(len(WILD))]) if self.rng.random() < 0.1 else value

    def stamp(self):
        """Return a stamp: now, a little off, or far off."""
        u, off = self.draws(2)
        if u < 0.8:
            return self.now
        return self.now + int((off - 0.7) * (0.3e9 if u < 0.95 else 1e19))

    def next(self):
        """Let time pass, mostly forwards, and return inputs."""
        self.calm -= 1
        if self.calm < -6:
            self.calm = self.spell = int(self.rng.integers(5, 40))
            self.shown = int(self.rng.choice((0, 0, BLOCKED, BLOCKED + 3)))
        u, v, wish, steer = self.draws(4)
        attacked = self.calm < 0
        self.now += TICK if u < 0.9 or not attacked else int((v - 0.3) * (1e9 if u < 0.98 else 1e18))
        self.speed = min(max(self.speed + 0.05 * self.acceleration + 0.1 * (v - 0.5), -1.0), 18.0)
        self.acceleration += 0.5 * (wish - 0.5) - 0.1 * self.acceleration
        self.angle = 0.9 * self.angle + 0.1 * (steer - 0.5) * (0.2 if self.speed > 6.0 else 1.0)
        asked = (2.0 * self.angle + 0.3 * (v - 0.5), 7.0 * wish - 5.0, 18.0 * v, steer)
        if not attacked:
            return GateInputs(
                request=ControlCommand(self.now, *asked),
                ego=EgoState(self.now, Pose2(v, wish, steer), self.speed, self.acceleration, 0.0, self.angle),
                view=replace(VIEWS[self.shown], stamp_ns=self.now) if v < 0.5 else None,
                vehicle=VehicleStatus(self.now, self.spell % 4 > 0 or self.spell - self.calm > 12),
                driver=DriverInput(self.now, 0.0, 0.0, 2.0 * wish),
            )
        return self.attack(asked)

    def attack(self, asked):
        there = self.draws(6)
        w = self.wild
        state = (w(self.speed), w(self.acceleration), w(0.0), w(self.angle))
        return GateInputs(
            request=ControlCommand(self.stamp(), *map(w, asked)) if there[0] < 0.9 else None,
            ego=EgoState(self.stamp(), Pose2(w(0.0), w(1.0), w(0.5)), *state) if there[1] < 0.9 else None,
            localization=SpeedReport(self.stamp(), w(self.speed)) if there[2] < 0.3 else None,
            view=replace(VIEWS[self.rng.integers(len(VIEWS))], stamp_ns=self.stamp()) if there[3] < 0.5 else None,
            vehicle=VehicleStatus(self.stamp(), there[4] < 0.25) if there[4] < 0.3 else None,
            driver=DriverInput(self.stamp(), w(0.0), w(there[5]), w(0.0)) if there[5] < 0.3 else None,
        )


class Witness:
    """Keeps the decisions whose ego state is known: of the newest stamp that the gate has not refused."""

    def __init__(self):
        self.states = Counter()
        self.commands, self.driven, self.stopped = [], [], []
        self.held_back = 0
        self._newest = None

    def forget(self):
        self._newest = None

    def note(self, fed, decision, now):
        self.states[decision.state] += 1
        self.commands.append(decision.command)
        lost = fed.ego is None or any(finding.check == "ego" for finding in decision.findings)
        if not lost and (self._newest is None or fed.ego.stamp_ns >= self._newest):
            self._newest = fed.ego.stamp_ns
            known = True
        else:
            known = False
        if not drives(decision):
            self.stopped.append((decision.command, fed.ego if known else ego(), known))
        elif known:
            self.driven.append((decision.command, fed.ego))
        assert drives(decision) or decision.reasons
        rests = fed.driver is not None and fed.driver.accelerator_pedal == 0.0 and fed.driver.stamp_ns == now
        if rests and drives(decision) and decision.clearance.gap < decision.clearance.needed:
            self.held_back += 1
            assert decision.command.acceleration <= -1.5


def test_a_hundred_thousand_steps_against_an_adversary_stay_inside_the_envelope():
    witness = Witness()
    for seed in range(50):
        adversary = Adversary(seed)
        config = GateConfig(auto_engage=seed % 2 == 0, limits=SHORT)
        gate = Gate(SALOON, config, GRID if seed % 4 < 2 else None)
        witness.forget()
        before = adversary.now
        for _ in range(2000):
            fed = adversary.next()
            if adversary.now < before:
                witness.forget()
            before = adversary.now
            witness.note(fed, gate.step(fed, adversary.now), adversary.now)
            (call,) = adversary.draws(1)
            if call < 0.02 or (call < 0.2 and gate.state in HARDER):
                gate.disengage()
            if call < 0.3 and not config.auto_engage:
                gate.engage(adversary.now)
    assert sum(witness.states.values()) == 100_000
    assert survives_the_wire(witness.commands).all()
    assert broken_names(ENVELOPE.driving(*zip(*witness.driven, strict=True))) == []
    stops, egos, known = zip(*witness.stopped, strict=True)
    assert broken_names(ENVELOPE.stopping(stops, egos, np.array(known))) == []
    assert set(witness.states) == set(STATES)
    assert min(witness.states.values()) > 200
    assert len(witness.driven) > 20_000
    assert witness.held_back > 100
    assert sum(known) > 10_000


# A closed loop


def drive(route_curvature, speed_limit, seconds):
    """Drive a curvature profile (of the distance) through mapping, gate and actuators; yield every decision."""
    mapping, gate = ActionMapping(SALOON), Gate(SALOON, GateConfig(auto_engage=True))
    steering, drivetrain = DelayedLag(SALOON.steering, 0.05), DelayedLag(SALOON.acceleration, 0.05)
    car, travelled = KinematicState(Pose2(0.0, 0.0, 0.0), 0.0), 0.0
    for tick in range(int(seconds / 0.05)):
        now = tick * TICK
        state = EgoState(now, car.pose, car.speed, drivetrain.value, 0.0, steering.value)
        ahead = route_curvature(travelled + 0.3 * car.speed)
        slow = min(math.sqrt(2.0 / max(abs(route_curvature(travelled + d)), 1e-6)) for d in range(0, 40, 4))
        wish = min(max(min(slow, speed_limit) - car.speed, -2.5), 1.5)
        asked = mapping.step(mapping.action_from_physical(ahead, wish, now), state)
        decision = gate.step(GateInputs(request=asked, ego=state), now)
        yield decision
        tire_angle = steering.step(decision.command.steering_tire_angle)
        acceleration = drivetrain.step(decision.command.acceleration)
        curve = curvature_from_tire_angle(tire_angle, car.speed, SALOON.wheelbase, SALOON.understeer_gradient)
        travelled += car.speed * 0.05
        car = kinematic_step(car, curve, acceleration, 0.05)


def junction(distance):
    """A right turn of 8 m radius, with 6 m of transition on either side."""
    return -0.125 * min(max((distance - 40.0) / 6.0, 0.0), 1.0) * min(max((64.0 - distance) / 6.0, 0.0), 1.0)


@pytest.mark.parametrize(
    ("route", "speed_limit"),
    [
        (lambda distance: 0.02 * math.sin(distance / 25.0), 13.9),
        (junction, 8.3),
        (lambda distance: 0.0, 16.0),
    ],
    ids=["country road", "junction", "straight"],
)
def test_in_normal_driving_the_gate_never_steps_in(route, speed_limit):
    decisions = list(drive(route, speed_limit, 30.0))
    assert {decision.state for decision in decisions} == {"engaged"}
    assert {decision.reasons for decision in decisions} == {()}


def road(radius):
    """Return a road in the map, points 1 m apart: 20 m straight, then a bend."""
    heading = np.concatenate((np.zeros(20), np.arange(60.0) / radius))
    return np.cumsum(np.column_stack((np.cos(heading), np.sin(heading))), axis=0)


def fail_on(points, aside, lost):
    """Drive beside a road at 9 m/s and lose an input after 1.5 s; yield every state of the car from then on."""
    gate = Gate(SALOON, GateConfig(auto_engage=True))
    steering, drivetrain = DelayedLag(SALOON.steering, 0.05), DelayedLag(SALOON.acceleration, 0.05)
    car = KinematicState(Pose2(2.0, aside, 0.0), 9.0)
    for tick in range(200):
        now = tick * TICK
        state = EgoState(now, car.pose, car.speed, drivetrain.value, 0.0, steering.value)
        given = {"request": request(now), "ego": state, "view": view(now, route=route_ahead(points, car.pose, 24, 2.0))}
        if tick >= 30:
            given[lost] = None
            yield car
        command = gate.step(GateInputs(**given), now).command
        tire_angle, braking = steering.step(command.steering_tire_angle), drivetrain.step(command.acceleration)
        curve = curvature_from_tire_angle(tire_angle, car.speed, SALOON.wheelbase, SALOON.understeer_gradient)
        car = kinematic_step(car, curve, braking, 0.05)


@pytest.mark.parametrize("aside", [0.0, 0.8, -0.8])
@pytest.mark.parametrize("radius", [math.inf, 40.0, -40.0])
def test_a_stop_stays_beside_its_road_in_a_bend_that_the_car_had_not_reached(radius, aside):
    points, cars = road(radius), list(fail_on(road(radius), aside, "request"))
    for car in cars:
        foot = foot_on_route(points, car.pose)
        nearest = [np.interp(foot, np.arange(len(points)), points[:, axis]) for axis in (0, 1)]
        off = math.hypot(nearest[0] - car.pose.x, nearest[1] - car.pose.y)
        assert off == pytest.approx(abs(aside), abs=0.35)
    assert cars[-1].speed == 0.0


def test_a_car_that_no_longer_knows_its_state_stops_hard_on_its_last_curve():
    cars = list(fail_on(road(math.inf), 0.0, "ego"))
    braking, answer = 9.0**2 / (2.0 * 6.0), 9.0 * (0.05 + 0.15)
    assert cars[-1].speed == 0.0
    assert cars[-1].pose.x - cars[0].pose.x == pytest.approx(braking + answer, abs=0.4)
    assert cars[-1].pose.y == 0.0
