"""What can be known to be wrong before a single process starts, and what a run says of itself."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path

from sim2real_ad.errors import CheckpointError
from sim2real_ad.evaluation.provenance import collect_versions
from sim2real_ad.evaluation.results import CheckpointId, RunInfo
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.policy.checkpoint import Checkpoint, load_checkpoint
from sim2real_ad.ros.build_interfaces import ensure_interfaces
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.scenarios import load_scenario

REAL_TIME = "realtime"
"""End of the name of a mode in which budgets count."""


def check_inputs(scenarios: Iterable[str], checkpoint: Path | None, camera: str, vehicle: str) -> Checkpoint:
    """Load every input once, so that what is missing or wrong is told at once, and build the messages if need be.

    Returns the checkpoint. Raises ScenarioError, CheckpointError, CalibrationError, ConfigError or TransportError.
    """
    for scenario in scenarios:
        load_scenario(scenario)
    loaded = load_checkpoint(checkpoint)
    load_camera(camera)
    profile = load_vehicle(vehicle)
    if profile.action != loaded.config.action:
        raise CheckpointError(
            f"checkpoint {loaded.path} was trained with action scale {loaded.config.action}, "
            f"vehicle {vehicle} has {profile.action}"
        )
    ensure_interfaces(lambda line: print(line, file=sys.stderr, flush=True))  # noqa: T201
    return loaded


def describe_run(
    command: Sequence[str],
    mode: str,
    *,
    world: str = "",
    seed: int | None = None,
    camera: str = "",
    vehicle: str = "",
    domain: str = "",
    checkpoint: Checkpoint | None = None,
) -> RunInfo:
    """Return what is known before the first episode. checkpoint None: this process does not know the weights."""
    return RunInfo(
        command=("s2r", *command[1:]),
        mode=mode,
        world=world,
        started_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        seed=seed,
        camera=camera,
        domain=domain,
        checkpoint=CheckpointId.of(checkpoint) if checkpoint else None,
        versions=collect_versions(),
        observation=checkpoint.spec if checkpoint else None,
        corridor=checkpoint.config.corridor.model_dump(mode="json") if checkpoint else None,
        front_overhang=load_vehicle(vehicle).front_overhang if vehicle else 0.0,
        budgets_ms=load_safety_limits().budgets.by_stage() if mode.endswith(REAL_TIME) else {},
    )


def default_out(command: str) -> Path:
    """Return a folder of its own for a run."""
    return Path("out") / f"{command}-{datetime.now(timezone.utc):%Y%m%d-%H%M%S}"
