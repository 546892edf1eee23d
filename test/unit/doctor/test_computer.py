import resource

import pytest

from sim2real_ad.doctor.computer import (
    LEAST_PRIORITY,
    effective_capabilities,
    judge_cpu,
    judge_limits,
    judge_memory,
)
from sim2real_ad.doctor.devices import Device, judge_devices
from sim2real_ad.doctor.finding import Status
from sim2real_ad.ros import graph

PLENTY = 2**30


@pytest.mark.parametrize(
    ("cores", "governors", "status"),
    [
        (8, ["performance"], Status.ok),
        (8, [], Status.ok),
        (8, ["performance", "powersave"], Status.warning),
        (3, ["performance"], Status.warning),
        (1, ["performance"], Status.failed),
    ],
)
def test_cores_and_their_governors(cores: int, governors: list[str], status: Status) -> None:
    finding = judge_cpu(cores, governors)
    assert finding.status is status
    assert ("cpupower" in finding.remedy) == ("powersave" in governors)


@pytest.mark.parametrize(("mib", "status"), [(4096, Status.ok), (1500, Status.warning), (800, Status.failed)])
def test_available_memory_is_what_counts(mib: int, status: Status) -> None:
    text = (
        f"MemTotal:       16000000 kB\nMemFree:          100 kB\nMemAvailable:   {mib * 1024} kB\nHugePages_Total: 0\n"
    )
    assert judge_memory(text).status is status


@pytest.mark.parametrize(
    ("priority", "locked", "capabilities", "status"),
    [
        (LEAST_PRIORITY, -1, 0, Status.ok),
        (-1, PLENTY, 0, Status.ok),
        (LEAST_PRIORITY - 1, PLENTY, 0, Status.warning),
        (LEAST_PRIORITY, 8 * 2**20, 0, Status.warning),
        (0, 8 * 2**20, 1 << 23 | 1 << 14, Status.ok),
        (0, 8 * 2**20, 1 << 23, Status.warning),
    ],
)
def test_limits_count_unless_capabilities_lift_them(
    priority: int, locked: int, capabilities: int, status: Status
) -> None:
    assert judge_limits(priority, locked, capabilities).status is status


def test_no_limit_is_minus_one_as_the_resource_module_has_it() -> None:
    assert resource.RLIM_INFINITY == -1


def test_capabilities_are_read_from_the_process_status() -> None:
    assert effective_capabilities("Name:\tx\nCapPrm:\t1\nCapEff:\t0000000000804000\n") == 1 << 23 | 1 << 14
    assert effective_capabilities("Name:\tx\n") == 0


def test_no_process_of_the_graph_asks_for_more_priority_than_is_examined() -> None:
    asked = {**getattr(graph, "PRIORITIES", {}), **getattr(graph, "BUS_PRIORITIES", {})}
    assert max(asked.values(), default=0) <= LEAST_PRIORITY


CAMERA = Device("/dev/video0", "video", True)


def test_without_device_nodes_there_is_nothing_to_judge() -> None:
    assert judge_devices([], "").status is Status.not_here


def test_a_camera_that_was_named_must_be_there_and_open() -> None:
    assert judge_devices([CAMERA], "/dev/video0").status is Status.ok
    assert judge_devices([CAMERA], "/dev/video2").status is Status.failed
    closed = judge_devices([Device("/dev/video0", "video", False)], "/dev/video0")
    assert closed.status is Status.failed
    assert "usermod -aG video" in closed.remedy


def test_other_closed_devices_are_a_warning_that_names_every_group_once() -> None:
    closed = [Device(f"/dev/dri/renderD12{n}", "render", False) for n in (8, 9)]
    finding = judge_devices([CAMERA, *closed, Device("/dev/ttyUSB0", "dialout", False)], "")
    assert finding.status is Status.warning
    assert "usermod -aG dialout,render $USER" in finding.remedy
