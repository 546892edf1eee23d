"""What `ip -details -statistics -json link show` says of a bus, and what the doctor makes of it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.config import find_config
from sim2real_ad.doctor.can_bus import (
    ask_ip,
    can_interfaces,
    judge_kernel,
    judge_link,
    judge_links,
    wanted_interface,
)
from sim2real_ad.doctor.can_link import CanLink, read_links
from sim2real_ad.doctor.finding import Status
from sim2real_ad.doctor.survey import Survey
from sim2real_ad.errors import DbwError

HEALTHY = CanLink("can0", "can", True, "ERROR-ACTIVE", 500_000, 100, 0, 0, 0)
LOOPBACK = {"ifname": "lo", "flags": ["LOOPBACK", "UP"], "link_type": "loopback"}


def link(
    name: str = "can0", kind: str = "can", flags: tuple[str, ...] = ("NOARP", "UP"), **info: Any
) -> dict[str, Any]:
    """An interface as iproute2 6 prints it."""
    data = {
        "state": "ERROR-ACTIVE",
        "berr_counter": {"tx": 0, "rx": 0},
        "restart_ms": 100,
        "bittiming": {"bitrate": 500_000, "sample_point": "0.875", "tq": 125},
        "clock": 80_000_000,
    }
    linkinfo = {"info_kind": kind}
    if kind == "can":
        linkinfo |= {"info_data": {**data, **info}, "info_xstats": {"restarts": 0, "bus_error": 0, "bus_off": 0}}
    return {"ifname": name, "flags": list(flags), "mtu": 16, "link_type": "can", "linkinfo": linkinfo}


def read(*links: dict[str, Any]) -> list[CanLink]:
    return read_links(json.dumps([LOOPBACK, *links]))


def test_only_can_interfaces_are_read() -> None:
    wired = {"ifname": "eth0", "flags": ["UP"], "linkinfo": {"info_kind": "bridge"}}
    assert read(wired, link(), link("vcan0", "vcan")) == [
        HEALTHY,
        CanLink("vcan0", "vcan", True, None, None, None, 0, 0, 0),
    ]


def test_an_interface_that_nobody_has_set_up_has_no_bit_rate_and_never_restarts() -> None:
    fresh = link(flags=("NOARP", "ECHO"), state="STOPPED")
    del fresh["linkinfo"]["info_data"]["bittiming"], fresh["linkinfo"]["info_data"]["restart_ms"]
    (found,) = read(fresh)
    assert (found.is_up, found.bit_rate, found.restart_ms) == (False, None, 0)


@pytest.mark.parametrize("text", ["{", '{"ifname": "can0"}', '[{"linkinfo": {"info_kind": "can"}}]', "[1]"])
def test_what_is_not_ip_s_output_is_told(text: str) -> None:
    with pytest.raises(DbwError, match="cannot be read"):
        read_links(text)


def test_a_computer_without_interfaces_prints_nothing_to_judge() -> None:
    assert read_links("") == []


def test_a_healthy_bus_is_ok() -> None:
    finding = judge_links([HEALTHY], "can0", "--bus", is_needed=True)
    assert finding.status is Status.ok
    assert "500000 bit/s, ERROR-ACTIVE, restart-ms 100" in finding.found


@pytest.mark.parametrize(
    ("change", "status", "told"),
    [
        ({"is_up": False}, Status.failed, "down"),
        ({"bit_rate": 250_000}, Status.failed, "250000 bit/s, must be 500000"),
        ({"bit_rate": None}, Status.failed, "None bit/s, must be 500000"),
        ({"state": "BUS-OFF"}, Status.failed, "BUS-OFF"),
        ({"state": "ERROR-PASSIVE", "receive_errors": 135}, Status.warning, "received 135"),
        ({"transmit_errors": 8}, Status.warning, "errors sent 8"),
        ({"bus_offs": 1}, Status.warning, "bus-offs 1"),
        ({"restart_ms": 0}, Status.warning, "restart-ms 0: it stays off"),
    ],
)
def test_what_is_wrong_with_a_bus_is_told_with_the_command(change: dict[str, Any], status: Status, told: str) -> None:
    finding = judge_link(replace(HEALTHY, **change), "can0")
    assert finding.status is status
    assert told in finding.found
    assert "sudo ip link set can0 up type can bitrate 500000 restart-ms 100" in finding.remedy


def test_a_virtual_bus_is_told_from_a_car() -> None:
    finding = judge_link(replace(HEALTHY, kind="vcan", name="vcan0", bit_rate=None), "vcan0")
    assert finding.status is Status.warning
    assert "no car hears it" in finding.found


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 1000))
def test_a_bus_with_any_error_is_never_ok(sent: int, received: int, offs: int) -> None:
    finding = judge_link(replace(HEALTHY, transmit_errors=sent, receive_errors=received, bus_offs=offs), "can0")
    assert (finding.status is Status.ok) == (sent == received == offs == 0)


@pytest.mark.parametrize(("needed", "status"), [(True, Status.failed), (False, Status.not_here)])
def test_a_missing_interface_fails_where_it_was_named_for_this_computer(needed: bool, status: Status) -> None:
    finding = judge_links([replace(HEALTHY, name="can1")], "can0", "who wants it", is_needed=needed)
    assert finding.status is status
    assert "no CAN interface can0 (who wants it); there: can1" in finding.found


def test_without_a_wish_the_first_interface_is_judged_or_none_is_here() -> None:
    assert judge_links([], "", "saloon names no bus", is_needed=False).status is Status.not_here
    assert judge_links([HEALTHY], "", "", is_needed=False).status is Status.ok


def test_the_interface_on_the_command_line_comes_before_the_profile_s() -> None:
    assert wanted_interface(Survey(bus="can3")) == ("can3", "--bus")
    assert wanted_interface(Survey(bus="socketcan:can3")) == ("can3", "--bus")
    assert wanted_interface(Survey(vehicle="e_transit")) == ("can0", "e_transit")


def test_a_profile_whose_bus_is_no_kernel_s_or_that_has_none_wants_no_interface(tmp_path: Path) -> None:
    text = find_config("e_transit", "vehicles").read_text()
    assert "bus: {kind: socketcan, channel: can0}" in text
    udp = tmp_path / "udp.yaml"
    udp.write_text(text.replace("bus: {kind: socketcan, channel: can0}", "bus: {kind: udp_multicast}"))
    assert wanted_interface(Survey(vehicle=str(udp))) == (
        "",
        f"{udp} has a udp_multicast bus, which needs no interface",
    )
    none = tmp_path / "none.yaml"
    none.write_text(text.partition("drive_by_wire:")[0])
    assert wanted_interface(Survey(vehicle=str(none))) == ("", f"{none} names no bus")


def test_the_kernel_knows_can_interfaces_by_their_type(tmp_path: Path) -> None:
    for name, kind in {"can1": "280", "eth0": "1", "vcan0": "280"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "type").write_text(f"{kind}\n")
    assert can_interfaces(tmp_path) == ["can1", "vcan0"]
    assert can_interfaces(tmp_path / "none") == []


@pytest.mark.skipif(shutil.which("ip") is None, reason="needs iproute2")
def test_the_real_ip_command_names_the_interfaces_that_the_kernel_names() -> None:
    assert sorted(found.name for found in ask_ip()) == can_interfaces()


@pytest.mark.parametrize(
    ("refusal", "needed", "status"),
    [("", True, Status.ok), ("not supported", True, Status.failed), ("not supported", False, Status.not_here)],
)
def test_a_kernel_without_can_fails_where_a_bus_was_named(refusal: str, needed: bool, status: Status) -> None:
    finding = judge_kernel(["can", "can_raw"], refusal, is_needed=needed)
    assert finding.status is status
    assert "can, can_raw" in finding.found
