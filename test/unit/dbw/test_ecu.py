"""The simulated modules are as strict as the real ones: counters, checks, timeouts and the rules of enabling."""

import math

import pytest
from dbw_drive import MS, PROFILES, Drive, settings_for

from sim2real_ad.dbw.codec import Decoded
from sim2real_ad.dbw.dataspeed.ecu import DataspeedEcu
from sim2real_ad.dbw.dataspeed.messages import dataspeed_codec
from sim2real_ad.dbw.ecu import CarState
from sim2real_ad.dbw.pacmod.ecu import PacmodEcu
from sim2real_ad.dbw.pacmod.messages import pacmod_codec
from sim2real_ad.dbw.settings import EcuSettings
from sim2real_ad.dbw.traffic import Sender

CAR = CarState(speed=5.0)
STEER = {
    "CMD_TYPE": 2,
    "ANGLE": 17.0,
    "ENABLE": 1,
    "CLEAR": 0,
    "IGNORE": 0,
    "RATE_LIMIT": 1016,
    "ACCEL_LIMIT": 0,
}
ULC = {
    "CMD_TYPE": 2,
    "ACCELERATION": 1.0,
    "ENABLE": 1,
    "CLEAR": 0,
    "ENABLE_SHIFT": 0,
    "ENABLE_SHIFT_PARK": 0,
    "COAST": 0,
}
SYSTEM = {"IGNORE_OVERRIDES": 0, "CLEAR_OVERRIDE": 0}
GLOBAL = {"CLEAR_FAULTS": 0, "SANITY_CHECK_REQUIRED": 1, "CLEAR_OVERRIDES": 0}


def spoilt(frame):
    return frame._replace(data=frame.data[:-1] + bytes((frame.data[-1] ^ 1,)))


class Host:
    """Sends what a test wants every 20 ms, and reads what comes back."""

    def __init__(self, ecu, codec):
        self.ecu, self.codec, self.sender, self.now_ms = ecu, codec, Sender(codec), 0
        self.reports, self.actuation, self.counts = {}, None, {}

    def run(self, duration_ms, commands=(), spoil=lambda frame: frame, car=CAR):
        end_ms = self.now_ms + duration_ms
        while self.now_ms < end_ms:
            if self.now_ms % 20 == 0:
                for name, values in commands:
                    self.ecu.receive(spoil(self.sender.frame(name, values)), self.now_ms * MS)
            frames, self.actuation = self.ecu.step(self.now_ms * MS, car)
            for frame in frames:
                decoded = self.codec.decode(frame)
                assert isinstance(decoded, Decoded)
                self.reports[decoded.name] = decoded.values
                self.counts[decoded.name] = self.counts.get(decoded.name, 0) + 1
            self.now_ms += 5
        return self


def dataspeed(**settings):
    ecu = DataspeedEcu(PROFILES["dataspeed"], settings_for("dataspeed"), EcuSettings(**settings))
    return Host(ecu, dataspeed_codec())


def pacmod():
    return Host(PacmodEcu(PROFILES["pacmod"], settings_for("pacmod"), EcuSettings()), pacmod_codec())


def pacmod_commands(enable, **changed):
    steering = {**SYSTEM, "ENABLE": enable, "ANGLE": 0.17, "RATE_LIMIT": 60.0}
    accel, brake = ({**SYSTEM, "ENABLE": enable, "PEDAL": pedal} for pedal in (0.3, 0.0))
    commands = {"GLOBAL_CMD": GLOBAL, "STEERING_CMD": steering, "ACCEL_CMD": accel, "BRAKE_CMD": brake}
    return [(name, {**values, **changed.get(name, {})}) for name, values in commands.items()]


def test_dataspeed_reports_come_at_their_rates():
    counts = dataspeed().run(2000).counts
    assert counts["STEER_REPORT"] == counts["BRAKE_INFO"] == 200
    assert counts["BRAKE_REPORT"] == counts["VEHICLE_VELOCITY"] == counts["ULC_REPORT"] == 100
    assert counts["GEAR_REPORT"] == counts["SYSTEM_REPORT"] == 20
    assert counts["STEER_DETAIL"] == 10


def test_pacmod_reports_come_at_30_hz():
    counts = pacmod().run(3000).counts
    assert {counts[name] for name in ("ACCEL_RPT", "GLOBAL_RPT_2", "VEHICLE_SPEED_RPT")} <= {90, 91}
    assert counts["WATCHDOG_RPT_2"] == 3


def test_a_system_command_engages_all_modules_once_their_commands_enable():
    host = dataspeed().run(100, [("STEER_CMD", STEER), ("ULC_CMD", ULC)])
    assert (host.reports["SYSTEM_REPORT"]["STATE"], host.actuation) == (1, None)
    host.run(40, [("STEER_CMD", STEER), ("ULC_CMD", ULC), ("SYSTEM_CMD", {"CMD": 1})])
    assert host.reports["SYSTEM_REPORT"]["STATE"] == 2
    assert host.actuation.acceleration == 1.0


def test_a_system_command_alone_engages_nothing():
    host = dataspeed().run(200, [("SYSTEM_CMD", {"CMD": 1})])
    assert host.actuation is None
    assert dataspeed_codec().choice("SYSTEM_REPORT", "REASON_NOT_READY", 56) == "steer_command_missing"
    assert host.reports["SYSTEM_REPORT"]["REASON_NOT_READY"] == 56


def test_without_firmware_sync_each_module_follows_its_own_command():
    host = dataspeed(sync_mode="none").run(100, [("STEER_CMD", STEER)])
    assert host.actuation.steering_tire_angle == pytest.approx(math.radians(17.0) / 17.0, abs=1e-3)
    assert host.actuation.acceleration is None


@pytest.mark.parametrize(
    ("spoil", "flag", "reason"),
    [(spoilt, "BAD_CRC", "steer_command_crc"), (None, "BAD_COUNTER", "steer_command_counter")],
)
def test_commands_with_a_wrong_crc_or_a_stuck_counter_are_ignored_flagged_and_time_out(spoil, flag, reason):
    host = dataspeed(sync_mode="disengages")
    host.run(100, [("STEER_CMD", STEER), ("ULC_CMD", ULC)])
    assert host.actuation is not None
    last = host.sender.again("STEER_CMD", STEER)
    ulc = host.sender.again("ULC_CMD", ULC)
    frames = {"STEER_CMD": last, "ULC_CMD": ulc}
    wrong = spoil or (lambda frame: frames["STEER_CMD"] if frame.id == last.id else frames["ULC_CMD"])
    host.run(60, [("STEER_CMD", STEER), ("ULC_CMD", ULC)], spoil=wrong)
    assert host.reports["STEER_REPORT"][flag] == host.reports["ULC_REPORT"][flag] == 1
    assert host.actuation is not None
    host.run(60, [("STEER_CMD", STEER), ("ULC_CMD", ULC)], spoil=wrong)
    assert host.reports["STEER_REPORT"]["TIMEOUT"] == 1
    name = host.codec.choice("SYSTEM_REPORT", "REASON_DISENGAGED", host.reports["SYSTEM_REPORT"]["REASON_DISENGAGED"])
    assert name == reason


@pytest.mark.parametrize("lost", ["STEER_CMD", "ULC_CMD"])
def test_a_command_that_stays_away_for_100_ms_stops_the_car(lost):
    host = dataspeed()
    both = [("STEER_CMD", STEER), ("ULC_CMD", ULC)]
    host.run(100, [*both, ("SYSTEM_CMD", {"CMD": 1})])
    rest = [(name, values) for name, values in both if name != lost]
    host.run(75, rest)
    assert not host.actuation.own_stop
    host.run(25, rest)
    assert host.actuation.own_stop
    assert host.actuation.acceleration == -3.0
    assert host.reports["BRAKE_REPORT"]["ENABLED"] == 0


def test_a_disable_command_gives_the_car_back():
    host = dataspeed()
    both = [("STEER_CMD", STEER), ("ULC_CMD", ULC)]
    host.run(100, [*both, ("SYSTEM_CMD", {"CMD": 1})])
    host.run(40, [*both, ("SYSTEM_CMD", {"CMD": 2})])
    assert host.actuation is None
    assert host.codec.choice("SYSTEM_REPORT", "REASON_DISENGAGED", 192) == "disable_command"
    assert host.reports["SYSTEM_REPORT"]["REASON_DISENGAGED"] == 192


def test_the_longitudinal_controller_keeps_to_its_jerk_limits():
    host = dataspeed(sync_mode="disengages")
    limits = {"ACCEL_LIMIT": 2.0, "DECEL_LIMIT": 6.0, "JERK_LIMIT_THROTTLE": 2.0, "JERK_LIMIT_BRAKE": 20.0}
    commands = [("ULC_CFG", limits), ("STEER_CMD", STEER), ("ULC_CMD", ULC)]
    host.run(105, commands)
    assert host.actuation.acceleration == pytest.approx(0.2, abs=0.02)
    host.run(500, commands)
    assert host.actuation.acceleration == pytest.approx(1.0)
    host.run(100, [("ULC_CFG", limits), ("STEER_CMD", STEER), ("ULC_CMD", {**ULC, "ACCELERATION": -3.0})])
    assert -1.0 <= host.actuation.acceleration <= -0.6


def test_the_steering_turns_no_faster_than_its_rate_limit():
    host = dataspeed(sync_mode="disengages")
    commands = [("STEER_CMD", {**STEER, "ANGLE": 300.0, "RATE_LIMIT": 400.0}), ("ULC_CMD", ULC)]
    host.run(105, commands)
    assert math.degrees(host.actuation.steering_tire_angle) * 17.0 == pytest.approx(40.0, abs=3.0)


@pytest.mark.parametrize("edge", [True, False])
def test_pacmod_needs_a_live_command_that_does_not_enable_before_one_that_does(edge):
    host = pacmod()
    if edge:
        host.run(100, pacmod_commands(0))
    host.run(200, pacmod_commands(1))
    assert (host.actuation is not None) == edge


def test_three_valid_global_commands_end_the_disabling_of_all_systems():
    host = pacmod()
    host.run(45, [("GLOBAL_CMD", GLOBAL)])
    assert host.reports["GLOBAL_RPT_2"]["DISABLE_ALL_SYSTEMS"] == 1
    host.run(60, [("GLOBAL_CMD", GLOBAL)])
    assert host.reports["GLOBAL_RPT_2"]["DISABLE_ALL_SYSTEMS"] == 0


@pytest.mark.parametrize(("spoil", "fault"), [(spoilt, "GLOBAL_CMD_SANITY_FAULT"), (None, "GLOBAL_CMD_TIMEOUT")])
def test_a_wrong_or_missing_global_command_disables_all_and_latches_a_fault(spoil, fault):
    host = pacmod()
    host.run(100, pacmod_commands(0)).run(100, pacmod_commands(1))
    assert host.actuation is not None
    driving = [command for command in pacmod_commands(1) if command[0] != "GLOBAL_CMD"]
    if spoil:
        host.ecu.receive(spoilt(host.sender.frame("GLOBAL_CMD", GLOBAL)), host.now_ms * MS)
        host.run(40, driving)
    else:
        host.run(140, driving)
    assert (host.actuation, host.reports["GLOBAL_RPT_2"]["SYSTEM_FAULT_ACTIVE"]) == (None, 1)
    host.run(1000, pacmod_commands(0))
    assert host.reports["WATCHDOG_RPT_2"][fault] == 1
    assert host.reports["GLOBAL_RPT_2"]["SYSTEM_READY"] == 0
    host.run(100, pacmod_commands(0, GLOBAL_CMD={"CLEAR_FAULTS": 1}))
    host.run(100, pacmod_commands(1))
    assert host.actuation is not None


def test_an_edge_that_comes_before_the_systems_are_ready_is_lost():
    host = pacmod()
    host.run(100, pacmod_commands(0)).run(100, pacmod_commands(1))
    host.run(40, pacmod_commands(1), car=CarState(speed=5.0, brake_pedal=0.5))
    host.run(100, pacmod_commands(1, GLOBAL_CMD={"CLEAR_OVERRIDES": 1}))
    assert host.reports["GLOBAL_RPT_2"]["SYSTEM_READY"] == 1
    assert host.actuation is None
    host.run(40, pacmod_commands(0)).run(40, pacmod_commands(1))
    assert host.actuation is not None


def test_a_system_that_ignores_overrides_goes_on():
    host = pacmod()
    ignoring = {name: {"IGNORE_OVERRIDES": 1} for name in ("STEERING_CMD", "ACCEL_CMD", "BRAKE_CMD")}
    host.run(100, pacmod_commands(0, **ignoring)).run(100, pacmod_commands(1, **ignoring))
    host.run(100, pacmod_commands(1, **ignoring), car=CarState(speed=5.0, brake_pedal=0.5))
    assert host.actuation is not None


def test_a_pacmod_system_whose_command_stays_away_is_disabled_alone():
    host = pacmod()
    host.run(100, pacmod_commands(0)).run(100, pacmod_commands(1))
    host.run(105, [command for command in pacmod_commands(1) if command[0] != "STEERING_CMD"])
    assert (host.reports["STEERING_RPT"]["ENABLED"], host.reports["STEERING_RPT"]["COMMAND_TIMEOUT"]) == (0, 1)
    assert host.reports["ACCEL_RPT"]["ENABLED"] == 1
    assert (host.actuation.steering_tire_angle, host.actuation.accelerator_pedal) == (None, 0.3)


@pytest.mark.parametrize("protocol", ["dataspeed", "pacmod"])
def test_a_module_that_is_off_the_bus_neither_hears_nor_speaks(protocol):
    drive = Drive(protocol).engaged()
    drive.misbehave("bus_off")
    drive.run(200)
    assert drive.actuation.own_stop
    assert min(drive.state.ages.values()) > 0.1


def test_a_misbehaviour_ends():
    drive = Drive().engaged()
    drive.misbehave("bad_crc")
    drive.run(300)
    drive.ecu.behave()
    drive.run(300)
    assert drive.state.faults == ()
