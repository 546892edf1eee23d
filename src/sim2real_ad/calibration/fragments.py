"""Results as files: parts of a vehicle profile, camera YAMLs, pedal maps. Nothing is overwritten."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from sim2real_ad.errors import ConfigError
from sim2real_ad.geometry.camera import CameraModel
from sim2real_ad.vehicle.profile import VehicleProfile


def check_new(*paths: Path) -> None:
    """Raise ConfigError where one of the files exists, before any work is done for it."""
    for path in paths:
        if path.exists():
            raise ConfigError(f"--out: {path} exists; name a new file")


def write_new(path: Path, text: str) -> None:
    """Write a file that must not exist. Raises ConfigError where it does, or cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise ConfigError(f"--out: {path} exists; name a new file") from error
    except OSError as error:
        raise ConfigError(f"--out: {path} cannot be written: {error.strerror}") from error


def profile_text(entries: Mapping[str, Any], told: Iterable[str]) -> str:
    """Return entries as they stand in a vehicle profile, below comments with what was told.

    What stands deeper in a profile is a comment that names its path, so that the profile still loads.
    """
    lines = [f"# {line}" for line in told]
    for name, value in entries.items():
        entry = _flow({name: value})
        lines.append(entry if name in VehicleProfile.model_fields else f"# {entry}")
    return "\n".join(lines) + "\n"


def camera_text(camera: CameraModel, told: Iterable[str]) -> str:
    """Return a camera as config/cameras has them, below comments with what was told."""
    lines = [f"# {line}" for line in told]
    data = camera.model_dump(mode="json", exclude={"own_body"} if not camera.own_body else None)
    lines += [_flow({name: value}) for name, value in data.items()]
    return "\n".join(lines) + "\n"


def _flow(entry: Mapping[str, Any]) -> str:
    """Return `name: value` on one line."""
    ((name, value),) = entry.items()
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000)
    return f"{name}: {text.removesuffix('...' + chr(10)).strip()}"
