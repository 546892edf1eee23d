"""The part of `s2r transfer` that knows the ground truth: what is to be measured, and the report of what there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np

from sim2real_ad.config import find_config
from sim2real_ad.evaluation.provenance import collect_versions
from sim2real_ad.evaluation.results import CheckpointId
from sim2real_ad.evaluation.transfer import BevTally, Constants
from sim2real_ad.evaluation.transfer_folder import (
    RESIDUAL_FILE,
    SENSITIVITY_FILE,
    DomainFolder,
    append_line,
    identity_of,
    read_lines,
)
from sim2real_ad.evaluation.transfer_report import (
    TRAINING,
    DomainReport,
    Observed,
    TransferReport,
    class_ious,
    completed,
    judged,
    mean_online,
)
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.policy.checkpoint import load_checkpoint, sha256_of
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.training.teacher.driver import SHIPPED_TEACHER
from sim2real_ad.training.transfer_residual import (
    Disturbed,
    Residual,
    ResidualJob,
    disturbed_jobs,
    drive_disturbed,
    estimate_sensitivity,
    measure_residual,
)
from sim2real_ad.vehicle.profile import VehicleProfile, load_vehicle
from sim2real_ad.world.target_domain import FOLDER, load_target_domain

SENSITIVITY_EPISODES = 20
"""Of the teacher, a scenario and level: they need no pictures and take a fraction of a second."""


@dataclass(frozen=True)
class Settings:
    """What is asked for. seeds: of each scenario in each domain; measured: how many of them, in process too."""

    domains: tuple[str, ...]
    scenarios: tuple[str, ...]
    seeds: range
    measured: int
    checkpoint: Path | None = None

    def episode_keys(self, count: int | None = None) -> list[tuple[str, int]]:
        """Return (scenario, seed) of the first count episodes of every scenario, all of them without."""
        return [(scenario, seed) for scenario in self.scenarios for seed in self.seeds[:count]]


@dataclass(frozen=True)
class OpenedDomain:
    """A domain with its folder. path: of its YAML, empty for the training domain."""

    name: str
    path: str
    description: str
    vehicle: str
    camera: str
    folder: DomainFolder


def open_domains(settings: Settings, out: Path) -> list[OpenedDomain]:
    """Open the training domain and those asked for. Raises ConfigError, CalibrationError or CheckpointError."""
    checkpoint = load_checkpoint(settings.checkpoint).sha256
    made_with = checkpoint, sha256_of(SHIPPED_TEACHER), load_safety_limits()
    vehicle, camera = "saloon", "default"
    identity = identity_of(*made_with, load_vehicle(vehicle), load_camera(camera))
    text = "what the adapter and the policy were trained in, on seeds that they never saw"
    opened = [OpenedDomain(TRAINING, "", text, vehicle, camera, DomainFolder(out, TRAINING, identity))]
    for name in settings.domains:
        target = load_target_domain(name)
        identity = identity_of(
            *made_with,
            target.model_copy(update={"vehicle": "", "camera": ""}),  # paths of this machine
            _without_paths(target.load_vehicle()),
            target.load_camera(),
        )
        path = str(find_config(name, FOLDER).resolve())
        folder = DomainFolder(out, target.name, identity)
        opened.append(OpenedDomain(target.name, path, target.description, target.vehicle, target.camera, folder))
    return opened


def measure_missing(
    settings: Settings,
    opened: Sequence[OpenedDomain],
    out: Path,
    executor: Executor,
    progress: Callable[[str, float], None],
) -> None:
    """Drive in process what has not been driven yet: every domain with the ground truth, the teacher disturbed."""
    if not settings.measured:
        return
    for domain in opened:
        path, keys = domain.folder.path / RESIDUAL_FILE, settings.episode_keys(settings.measured)
        known = {(r.scenario, r.seed) for r in read_lines(path, Residual)}
        jobs = [ResidualJob(domain.path, *key, settings.checkpoint) for key in keys if key not in known]
        for done, residual in enumerate(executor.map(measure_residual, jobs), start=1):
            append_line(path, residual)
            progress(f"{domain.name} against the truth: {done} of {len(jobs)} drives", done / len(jobs))
    path = _sensitivity_path(out)
    driven = {(d.scenario, d.seed, d.level) for d in read_lines(path, Disturbed)}
    levels = [job for job in disturbed_jobs(settings.scenarios, SENSITIVITY_EPISODES) if job not in driven]
    for done, disturbed in enumerate(executor.map(drive_disturbed, *zip(*levels, strict=True)), start=1):
        append_line(path, disturbed)
        progress(f"the teacher, disturbed: {done} of {len(levels)} drives", done / len(levels))


def make_report(settings: Settings, out: Path) -> TransferReport:
    """Return the report of whatever is finished of what is asked for."""
    opened = open_domains(settings, out)
    drives = [d for d in read_lines(_sensitivity_path(out), Disturbed) if d.scenario in settings.scenarios]
    constants, teacher = _constants(settings, opened[0], drives)
    reports = {domain.name: _reported(domain, settings) for domain in opened}
    return TransferReport(
        checkpoint=CheckpointId.of(load_checkpoint(settings.checkpoint)),
        versions=collect_versions(),
        seeds=(settings.seeds[0], settings.seeds[-1]),
        constants=constants,
        teacher=teacher,
        domains={n: completed(report, reports[TRAINING], constants, teacher) for n, report in reports.items()},
    )


def _sensitivity_path(out: Path) -> Path:
    return out / SENSITIVITY_FILE.format(teacher=sha256_of(SHIPPED_TEACHER)[:12])


def _without_paths(profile: VehicleProfile) -> VehicleProfile:
    names = {key: Path(getattr(profile, key)).name for key in ("accel_map", "brake_map")}
    return profile.model_copy(update=names)


def _reported(domain: OpenedDomain, settings: Settings) -> DomainReport:
    asked = set(settings.episode_keys())
    return DomainReport(
        description=domain.description,
        vehicle=load_vehicle(domain.vehicle).name,
        camera=Path(domain.camera).stem,
        scenarios=judged(result for key, result in domain.folder.results().items() if key in asked),
        online=mean_online(terms for key, terms in domain.folder.online().items() if key in asked),
        observed=_observed(_residuals(domain, settings)),
    )


def _residuals(domain: OpenedDomain, settings: Settings) -> list[Residual]:
    asked = set(settings.episode_keys())
    drives = read_lines(domain.folder.path / RESIDUAL_FILE, Residual)
    return [drive for drive in drives if (drive.scenario, drive.seed) in asked]


def _observed(drives: Sequence[Residual]) -> Observed | None:
    """Return means over all ticks; IoU over all cells of all drives."""
    if not drives:
        return None
    ticks = [drive.ticks for drive in drives]
    return Observed(
        drives=len(drives),
        near_iou=class_ious(reduce(add, (d.near for d in drives), BevTally()).overlaps),
        observation=reduce(add, (d.whole for d in drives), BevTally()).mean_error,
        shift=float(np.average([d.shift for d in drives], weights=ticks)),
        policy=float(np.average([d.policy for d in drives], weights=ticks)),
    )


def _constants(
    settings: Settings, training: OpenedDomain, drives: Sequence[Disturbed]
) -> tuple[Constants | None, float | None]:
    """Return the bound's constants and the teacher's success, from drives in the training domain alone."""
    residuals = _residuals(training, settings)
    calm = [drive.success for drive in drives if drive.level == 0.0]
    if not residuals or not calm or len(drives) == len(calm):
        return None, None
    steepest = max(drive.lipschitz for drive in residuals)
    constants = Constants(policy_lipschitz=steepest, success_sensitivity=estimate_sensitivity(drives))
    return constants, sum(calm) / len(calm)
