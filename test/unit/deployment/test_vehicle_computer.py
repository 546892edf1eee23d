"""What deploy/ puts on a vehicle computer."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from test_compose import launch_arguments
from tree import DEPLOY, ROOT

from sim2real_ad.doctor.can_bus import BIT_RATE
from sim2real_ad.doctor.computer import LEAST_PRIORITY
from sim2real_ad.doctor.examine import CHECKS
from sim2real_ad.ros.domain import DomainClaim
from sim2real_ad.safety.states import STATES

UNIT = DEPLOY / "systemd" / "sim2real-ad.service"
RUN = "/opt/sim2real_ad/bin/run.sh"
SCRIPTS = sorted(DEPLOY.glob("*.sh"))


def settings(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read_string(path.read_text())
    return parser


def environment() -> dict[str, str]:
    lines = (DEPLOY / "systemd" / "vehicle.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_unit_runs_the_launch_file_with_arguments_that_it_has() -> None:
    words = shlex.split(settings(UNIT)["Service"]["ExecStart"])
    assert words[:5] == [RUN, "ros2", "launch", "sim2real_ad", "vehicle.launch.py"]
    given = dict(word.split(":=") for word in words[5:])
    assert set(given) <= launch_arguments("vehicle.launch.py")
    variables = {value.strip("${}") for value in given.values()}
    assert variables <= set(environment())


def test_the_unit_is_no_root_and_restarts_a_few_times_only() -> None:
    unit, service = settings(UNIT)["Unit"], settings(UNIT)["Service"]
    assert service["User"] == "s2r"
    assert (service["Restart"], unit["StartLimitBurst"]) == ("always", "3")
    assert int(unit["StartLimitIntervalSec"]) > 3 * int(service["RestartSec"])
    assert service["KillSignal"] == "SIGINT"


def test_the_unit_is_stopped_no_sooner_than_the_recorder_is_done() -> None:
    source = (ROOT / "src/sim2real_ad/ros/record.py").read_text()
    end_s = float(re.search(r"^END_S = ([\d.]+)", source, re.MULTILINE)[1])  # type: ignore[index]
    assert int(settings(UNIT)["Service"]["TimeoutStopSec"]) >= end_s


def test_the_unit_may_take_the_priorities_that_the_graph_asks_for() -> None:
    service = settings(UNIT)["Service"]
    assert int(service["LimitRTPRIO"]) == LEAST_PRIORITY
    assert "RestrictRealtime" not in service
    assert f"@s2r - rtprio {LEAST_PRIORITY}" in (DEPLOY / "limits" / "sim2real-ad.conf").read_text()


def test_the_first_start_actuates_nothing() -> None:
    assert environment()["SHADOW"] == "true"


def test_the_doctor_before_the_start_makes_checks_that_there_are() -> None:
    command = settings(UNIT)["Service"]["ExecStartPre"]
    names = re.findall(r"--only (\S+?)['\s]", command + " ")
    assert {"checkpoint", "fit", "transport"} <= set(names) <= set(CHECKS)
    assert re.search(r"(?<!\$)\$(?!\$)", command) is None, "a single $ is systemd's, and it knows no ${NAME:+...}"


@pytest.mark.ros
@pytest.mark.parametrize(("vehicle", "status"), [("saloon", 0), ("no-such-car", 1)])
def test_the_doctor_before_the_start_lets_a_sound_graph_pass_and_no_other(vehicle: str, status: int) -> None:
    pytest.importorskip("rclpy")
    words = shlex.split(settings(UNIT)["Service"]["ExecStartPre"])
    shell = words[2].replace("$$", "$").replace(RUN, "/usr/bin/env")
    claim = DomainClaim({})
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    variables = {**os.environ, **environment(), "PATH": path, "VEHICLE": vehicle, "ROS_DOMAIN_ID": str(claim.domain)}
    done = subprocess.run([words[0], words[1], shell], env=variables, capture_output=True, text=True, timeout=120)
    claim.close()
    assert done.returncode == status, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_the_unit_as_it_is(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(RUN, str(DEPLOY / "run.sh")))
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    complaints = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, complaints) == (0, []), done.stderr


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="needs systemd-sysusers")
def test_systemd_makes_the_user_with_its_groups(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    command = ["systemd-sysusers", f"--root={tmp_path}", str(DEPLOY / "sysusers" / "sim2real-ad.conf")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    groups = {line.split(":")[0]: line.split(":")[-1] for line in (tmp_path / "etc/group").read_text().splitlines()}
    assert all(groups[name] == "s2r" for name in ("video", "render", "dialout"))
    assert settings(UNIT)["Service"]["User"] in groups


def test_the_bus_has_the_bit_rate_that_the_doctor_looks_for_and_comes_back_after_a_bus_off() -> None:
    network = settings(DEPLOY / "networkd" / "80-can0.network")
    assert network["Match"]["Name"] == "can0"
    assert network["CAN"]["BitRate"] == f"{BIT_RATE // 1000}K"
    assert network["CAN"]["RestartSec"] == "100ms"


def test_every_udev_rule_is_a_list_of_matches_and_assignments() -> None:
    pair = re.compile(r'[A-Z]+(\{\w+\})?(==|\+=|=|!=)"[^"]*"')
    rules = [r for r in (DEPLOY / "udev" / "60-sim2real-ad.rules").read_text().splitlines() if r and r[0] != "#"]
    assert len(rules) >= 3
    for rule in rules:
        parts = rule.split(", ")
        assert all(pair.fullmatch(part) for part in parts), rule
        assert any("==" in part for part in parts)
        assert any("==" not in part for part in parts)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_executable_and_bash_takes_them(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0


def test_what_is_installed_lies_where_the_system_looks_and_settings_are_kept(tmp_path: Path) -> None:
    def install() -> None:
        subprocess.run([str(DEPLOY / "install.sh")], env={**os.environ, "DESTDIR": str(tmp_path)}, check=True)

    install()
    unit = tmp_path / "etc/systemd/system/sim2real-ad.service"
    assert unit.read_text() == UNIT.read_text()
    assert (tmp_path / settings(unit)["Service"]["EnvironmentFile"].lstrip("/")).is_file()
    own = tmp_path / "etc/sim2real-ad/vehicle.env"
    own.write_text("VEHICLE=/etc/sim2real-ad/van.yaml\n")
    install()
    assert own.read_text() == "VEHICLE=/etc/sim2real-ad/van.yaml\n"
    installed = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    shipped = {path.name for path in DEPLOY.rglob("*") if path.is_file() and path.parent != DEPLOY}
    assert installed == shipped


def test_the_chapter_tells_every_check_and_every_state_of_the_gate() -> None:
    text = (ROOT / "docs" / "vehicle.md").read_text()
    assert [name for name in (*CHECKS, *STATES) if f"`{name}`" not in text] == []


def test_every_command_of_the_chapter_is_one_of_the_project() -> None:
    from test_compose import check_s2r

    text = (ROOT / "docs" / "vehicle.md").read_text().replace("\\\n", " ")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    lines = [line.partition("#")[0].strip() for kind, block in blocks if not kind for line in block.splitlines()]
    asked = [line.removeprefix("run.sh ") for line in lines]
    commands = [shlex.split(line.replace("~", "/home/x"))[1:] for line in asked if line.startswith("s2r ")]
    assert len(commands) >= 8
    for words in commands:
        check_s2r(words)
    for line in (line for line in asked if line.startswith("ros2 launch")):
        words = shlex.split(line)
        assert {word.partition(":=")[0] for word in words[4:]} <= launch_arguments(words[3])
    for script in re.findall(r"sudo (deploy/\S+\.sh)", text):
        assert (ROOT / script).is_file()
