"""Two ends on a real bus within the process: engaged, commanded, let go, with nothing between them but frames."""

from dataclasses import replace

import pytest
from dbw_drive import MS, PROFILES, settings_for

from sim2real_ad.dbw.bus import CanBus
from sim2real_ad.dbw.ecu import CarState
from sim2real_ad.dbw.links import CarLink, HostLink
from sim2real_ad.dbw.orders import Orders
from sim2real_ad.dbw.protocols import ecu_for, interface_for
from sim2real_ad.dbw.settings import EcuSettings, VirtualBusSettings
from sim2real_ad.types import ControlCommand

COMMAND = ControlCommand(0, 0.05, 0.5)


class Doubling:
    """A tracker that can be told from none."""

    def __init__(self):
        self.resets = 0

    def step(self, now_ns, command, measured):
        assert measured.phase == "engaged"
        return replace(command, acceleration=2.0 * command.acceleration)

    def reset(self):
        self.resets += 1


class Pair:
    def __init__(self, protocol):
        profile, settings = PROFILES[protocol], settings_for(protocol)
        bus = VirtualBusSettings(kind="virtual", channel=f"links-{protocol}")
        self.buses = CanBus(bus), CanBus(bus)
        self.orders, self.tracker = Orders(0.03, 0.01), Doubling()
        self.states, self.events, self.actuations = [], [], []
        self.host = HostLink(
            interface_for(profile, settings), self.buses[0], self.orders, self.tracker, self._told, 0.01
        )
        self.car = CarLink(
            ecu_for(profile, settings, EcuSettings()),
            self.buses[1],
            lambda: CarState(speed=5.0),
            self.actuations.append,
        )
        self.now_ms = 0

    def _told(self, state, events):
        self.states.append(state)
        self.events += events

    def run(self, duration_ms, command=COMMAND):
        for _ in range(duration_ms // 10):
            if command is not None:
                self.orders.put(command, self.now_ms * MS)
            self.car.step(self.now_ms * MS)
            self.host.step(self.now_ms * MS)
            self.now_ms += 10

    def engaged(self):
        self.run(300)
        self.orders.want(engage=True)
        self.run(400)
        assert self.states[-1].phase == "engaged", self.states[-1]
        return self


@pytest.fixture(params=["dataspeed", "pacmod"])
def pair(request):
    made = Pair(request.param)
    yield made
    for bus in made.buses:
        bus.close()


def test_a_command_goes_through_the_tracker_to_the_actuators(pair):
    pair.engaged().run(200)
    actuation = pair.actuations[-1]
    assert actuation.steering_tire_angle == pytest.approx(0.05, abs=0.002)
    if actuation.acceleration is not None:
        assert actuation.acceleration == pytest.approx(2.0 * COMMAND.acceleration, abs=0.05)


def test_while_the_car_does_not_follow_the_tracker_forgets(pair):
    pair.run(200)
    assert pair.tracker.resets > 10
    pair.engaged()
    before = pair.tracker.resets
    pair.run(200)
    assert pair.tracker.resets == before


def test_a_gate_that_goes_silent_makes_the_host_brake(pair):
    pair.engaged()
    first, silent_ms = len(pair.states), pair.now_ms
    pair.run(300, command=None)
    braked = next(state for state in pair.states[first:] if state.braked)
    assert braked.stamp_ns / MS - silent_ms <= 40, "30 ms, and the next look"
    assert "command_missing" in pair.states[-1].faults
    assert pair.states[-1].phase == "stopping"
    assert not any(a is None or a.own_stop for a in pair.actuations[-30:]), "the car has its commands all the time"


def test_a_host_that_goes_silent_makes_the_car_stop_by_itself(pair):
    pair.engaged()
    for now_ms in range(pair.now_ms, pair.now_ms + 300, 10):
        pair.car.step(now_ms * MS)
    stopped = next(i for i, a in enumerate(pair.actuations) if a is not None and a.own_stop)
    assert stopped * 10 - pair.now_ms <= 140, "100 ms after the last frame, which is at most a command period old"


def test_a_command_that_is_not_finite_is_refused_by_name_and_never_sent(pair):
    pair.engaged()
    pair.run(50, replace(COMMAND, acceleration=float("nan")))
    assert "command_invalid" in pair.states[-1].faults


def test_one_late_command_is_no_fault(pair):
    pair.engaged()
    pair.run(20, command=None)
    pair.run(100)
    assert pair.states[-1].phase == "engaged"
    assert not any(state.faults for state in pair.states[-10:])
