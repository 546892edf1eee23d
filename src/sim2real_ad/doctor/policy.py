"""Do the weights load, and do they belong to this car?"""

from __future__ import annotations

from sim2real_ad.doctor.finding import Finding, failed, ok
from sim2real_ad.doctor.survey import Listen, Survey
from sim2real_ad.errors import CheckpointError
from sim2real_ad.policy.checkpoint import SHIPPED, Checkpoint, load_checkpoint
from sim2real_ad.vehicle.profile import VehicleProfile, load_vehicle


def check_checkpoint(survey: Survey, listen: Listen) -> Finding:
    """Open the checkpoint, which compares the hash of every file."""
    try:
        checkpoint = load_checkpoint(survey.checkpoint)
    except CheckpointError as error:
        again = "git checkout -- src/sim2real_ad/policy/shipped" if survey.checkpoint is None else "copy it here again"
        return failed("checkpoint", str(error), f"{again}; one of another release: s2r train all")
    files = checkpoint.config.files
    return ok("checkpoint", f"{_name(checkpoint)}, spec {checkpoint.spec.fingerprint}, {len(files)} hashes agree")


def check_fit(survey: Survey, listen: Listen) -> Finding:
    """Judge whether an action means on this car what it meant in training. Raises ConfigError or CheckpointError."""
    return judge_fit(load_checkpoint(survey.checkpoint), load_vehicle(survey.vehicle), survey.vehicle)


def judge_fit(checkpoint: Checkpoint, profile: VehicleProfile, source: str) -> Finding:
    """Judge a checkpoint's action scale against a profile's: the policy node refuses another one."""
    trained, here = checkpoint.config.action.model_dump(), profile.action.model_dump()
    differs = [
        f"{name} {here[name]:g}, trained with {value:g}" for name, value in trained.items() if here[name] != value
    ]
    if not differs:
        return ok("fit", f"{_name(checkpoint)} means by an action what {source} does: {_scale(here)}")
    found = f"the policy node will refuse {source}: action " + "; ".join(differs)
    return failed("fit", found, f"use a checkpoint trained with {source}'s action scale: --checkpoint DIR")


def _scale(action: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in action.items())


def _name(checkpoint: Checkpoint) -> str:
    return "the shipped checkpoint" if checkpoint.path == SHIPPED else str(checkpoint.path)
