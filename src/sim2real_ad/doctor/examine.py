"""Every check in the order in which a computer is set up, and one after the other whatever goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from sim2real_ad.doctor.can_bus import check_can, check_can_kernel
from sim2real_ad.doctor.clock import check_clock
from sim2real_ad.doctor.computer import check_cpu, check_limits, check_memory
from sim2real_ad.doctor.devices import check_devices
from sim2real_ad.doctor.disk import check_disk
from sim2real_ad.doctor.finding import Finding, Status, failed
from sim2real_ad.doctor.gate import check_gate
from sim2real_ad.doctor.pictures import check_pictures
from sim2real_ad.doctor.policy import check_checkpoint, check_fit
from sim2real_ad.doctor.profile import check_camera, check_vehicle
from sim2real_ad.doctor.providers import check_gpu, check_providers
from sim2real_ad.doctor.software import check_messages, check_python, check_ros
from sim2real_ad.doctor.speed import check_speed
from sim2real_ad.doctor.survey import Listen, Survey
from sim2real_ad.doctor.transport import check_shared_memory, check_shell, check_transport
from sim2real_ad.errors import ConfigError, Sim2RealError

Check = Callable[[Survey, Listen], Finding]
CHECKS: Mapping[str, Check] = {
    "python": check_python,
    "ros": check_ros,
    "messages": check_messages,
    "shared-memory": check_shared_memory,
    "transport": check_transport,
    "shell": check_shell,
    "checkpoint": check_checkpoint,
    "vehicle": check_vehicle,
    "fit": check_fit,
    "camera": check_camera,
    "providers": check_providers,
    "gpu": check_gpu,
    "speed": check_speed,
    "devices": check_devices,
    "pictures": check_pictures,
    "can-kernel": check_can_kernel,
    "can": check_can,
    "clock": check_clock,
    "cpu": check_cpu,
    "memory": check_memory,
    "limits": check_limits,
    "disk": check_disk,
    "gate": check_gate,
}


def chosen(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the checks to make, all for none. Raises ConfigError where there is no such check."""
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        raise ConfigError(f"--only {unknown[0]}: there are {', '.join(CHECKS)}")
    return tuple(name for name in CHECKS if not names or name in names)


def examine(survey: Survey, listen: Listen, names: Sequence[str]) -> Iterator[Finding]:
    """Make checks by name, yielding what each has found. A check that cannot be made has failed, with the reason."""
    for name in names:
        yield one(name, CHECKS[name], survey, listen)


def one(name: str, check: Check, survey: Survey, listen: Listen) -> Finding:
    """Make one check."""
    try:
        return check(survey, listen)
    except ModuleNotFoundError as error:
        return failed(
            name, f"needs the package '{error.name}'", "make setup, or source the workspace (docs/vehicle.md)"
        )
    except (Sim2RealError, OSError) as error:
        return failed(name, str(error), "correct what it says, then s2r doctor --only " + name)


def is_well(findings: Sequence[Finding], *, asked_by_name: bool) -> bool:
    """Whether nothing has failed, and nothing that was asked for by name is not here."""
    bad = {Status.failed, Status.not_here} if asked_by_name else {Status.failed}
    return not any(finding.status in bad for finding in findings)
