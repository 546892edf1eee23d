"""Is the car's CAN bus there, up, at the right speed and without errors?"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from sim2real_ad.dbw.bus import BIT_RATE, bring_up
from sim2real_ad.doctor.can_link import CanLink, read_links
from sim2real_ad.doctor.finding import Finding, failed, graded, not_here, ok
from sim2real_ad.doctor.survey import Listen, Survey
from sim2real_ad.errors import ConfigError, DbwError
from sim2real_ad.vehicle.profile import load_vehicle

INTERFACES, CAN_TYPE = Path("/sys/class/net"), "280"
"""ARPHRD_CAN of linux/if_arp.h."""
MODULES = ("can", "can_raw", "can_dev", "vcan")
BAD_STATES = ("BUS-OFF", "STOPPED", "SLEEPING")
GOOD_STATE = "ERROR-ACTIVE"


def check_can(survey: Survey, listen: Listen) -> Finding:
    """Judge the interface that was named, or the profile's, or whichever is there. Raises DbwError."""
    wanted, why = wanted_interface(survey)
    return judge_links(links_here(), wanted, why, is_needed=bool(survey.bus))


def check_can_kernel(survey: Survey, listen: Listen) -> Finding:
    """Judge whether this kernel speaks CAN."""
    loaded = [name for name in MODULES if Path("/sys/module", name).is_dir()]
    try:
        socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW).close()
        refusal = ""
    except OSError as error:
        refusal = error.strerror or str(error)
    return judge_kernel(loaded, refusal, is_needed=bool(survey.bus))


def wanted_interface(survey: Survey) -> tuple[str, str]:
    """Return the interface that is to be there, empty for none, and who says so."""
    if survey.bus:
        return survey.bus.removeprefix("socketcan:"), "--bus"
    try:
        dbw = load_vehicle(survey.vehicle).drive_by_wire
    except ConfigError:  # told by the check of the profile
        dbw = None
    if dbw is None:
        return "", f"{survey.vehicle} names no bus"
    if dbw.bus.kind != "socketcan":
        return "", f"{survey.vehicle} has a {dbw.bus.kind} bus, which needs no interface"
    return dbw.bus.channel, survey.vehicle


def can_interfaces(folder: Path = INTERFACES) -> list[str]:
    """Return the names of the CAN interfaces of this computer, by the kernel's own account."""
    types = {path.parent.name: path.read_text().strip() for path in sorted(folder.glob("*/type"))}
    return [name for name, kind in types.items() if kind == CAN_TYPE]


def links_here() -> list[CanLink]:
    """Return the CAN interfaces of this computer; `ip` is asked where there are any. Raises DbwError."""
    return ask_ip() if can_interfaces() else []


def ask_ip() -> list[CanLink]:
    """Ask `ip` for the CAN interfaces. Raises DbwError."""
    command = ["ip", "-details", "-statistics", "-json", "link", "show"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5.0, check=True)
    except FileNotFoundError as error:
        raise DbwError("no program `ip`: sudo apt-get install iproute2") from error
    except subprocess.SubprocessError as error:
        raise DbwError(f"`{' '.join(command)}` failed: {error}") from error
    return read_links(done.stdout)


def judge_links(links: Sequence[CanLink], wanted: str, why: str, *, is_needed: bool) -> Finding:
    """Judge the interfaces of a computer against the one that is wanted, empty for any.

    why: who wants it; is_needed: whether it must be there, since somebody named it for this computer.
    """
    by_name = {link.name: link for link in links}
    there = ", ".join(by_name) or "none"
    if wanted and wanted not in by_name:
        remedy = f"plug the CAN adapter in; {_bring_up(wanted)} (at every start: deploy/install.sh)"
        missing = failed if is_needed else not_here
        return missing("can", f"no CAN interface {wanted} ({why}); there: {there}", remedy)
    if not links:
        return not_here("can", f"no CAN interface; {why}", _bring_up("can0"))
    return judge_link(by_name[wanted] if wanted else links[0], there)


def judge_link(link: CanLink, there: str) -> Finding:
    """Judge one interface. there: the names of all."""
    found = f"{link.name} ({link.kind}) {'up' if link.is_up else 'down'}; there: {there}"
    if link.kind != "can":
        return graded("can", f"{found}; virtual: no car hears it", _bring_up("can0"), fails=not link.is_up, warns=True)
    found = f"{found}; {_facts(link)}"
    broken = not link.is_up or link.state in BAD_STATES or link.bit_rate != BIT_RATE
    restless = link.state != GOOD_STATE or link.transmit_errors + link.receive_errors + link.bus_offs > 0
    remedy = f"sudo ip link set {link.name} down; {_bring_up(link.name)}"
    if restless and not broken:
        remedy = f"look at wiring and termination (two of 120 ohm), then: {remedy}"
    return graded("can", found, remedy, fails=broken, warns=restless or not link.restart_ms)


def judge_kernel(loaded: Sequence[str], refusal: str, *, is_needed: bool) -> Finding:
    """Judge loaded modules and whether a CAN socket was refused (empty where it was not)."""
    modules = f"modules loaded: {', '.join(loaded) or 'none'}"
    if not refusal:
        return ok("can-kernel", f"CAN sockets open; {modules}")
    remedy = "sudo modprobe -a can can_raw can_dev; USB adapters: sudo apt-get install linux-modules-extra-$(uname -r)"
    found = f"no CAN socket: {refusal}; {modules}"
    return failed("can-kernel", found, remedy) if is_needed else not_here("can-kernel", found, remedy)


def _facts(link: CanLink) -> str:
    rate = f"{link.bit_rate} bit/s, must be {BIT_RATE}" if link.bit_rate != BIT_RATE else f"{BIT_RATE} bit/s"
    restart = f"restart-ms {link.restart_ms}" if link.restart_ms else "restart-ms 0: it stays off after a bus-off"
    errors = f"errors sent {link.transmit_errors}, received {link.receive_errors}, bus-offs {link.bus_offs}"
    return f"{rate}, {link.state}, {restart}, {errors}"


def _bring_up(name: str) -> str:
    return f"sudo {bring_up(name)}"
