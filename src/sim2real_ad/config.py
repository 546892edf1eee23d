"""Configuration files: found, read and checked in one way. Unknown and missing keys stop the start-up."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from sim2real_ad.errors import ConfigError

ModelT = TypeVar("ModelT", bound="StrictModel")


class StrictModel(BaseModel):
    """Base of every configuration model: immutable, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@cache
def share_path() -> Path:
    """Return the folder that holds `config/` and `launch/`: the checkout, or the installed share folder.

    Raises ConfigError where neither is found.
    """
    checkout = Path(__file__).resolve().parents[2]
    prefixes = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p] + [sys.prefix]
    candidates = [checkout, *(Path(p) / "share" / "sim2real_ad" for p in prefixes)]
    for candidate in candidates:
        if (candidate / "config" / "scenarios").is_dir():
            return candidate
    raise ConfigError(f"no config folder found; looked in {', '.join(map(str, candidates))}")


def find_config(name_or_path: str | Path, folder: str, suffix: str = ".yaml") -> Path:
    """Find a configuration file by path, or by name in `config/<folder>/`.

    Raises ConfigError naming what was asked for and what there is.
    """
    given = Path(name_or_path)
    if given.suffix == suffix or given.parent != Path():
        if given.is_file():
            return given
        raise ConfigError(f"{folder}: no such file: {given}")
    shipped = share_path() / "config" / folder / f"{given.name}{suffix}"
    if shipped.is_file():
        return shipped
    known = sorted(p.stem for p in shipped.parent.glob(f"*{suffix}"))
    raise ConfigError(f"{folder}: no '{given}'; known names: {', '.join(known) or 'none'}; or give a path ({suffix})")


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping. Raises ConfigError naming the file and the line at fault."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{path} must hold a mapping, found {type(data).__name__}")
    return data


def load_config(path: Path, model: type[ModelT]) -> ModelT:
    """Read and check a YAML file against a model. Raises ConfigError with one line a problem."""
    return check_config(read_yaml(path), model, str(path))


def check_config(data: dict[str, Any], model: type[ModelT], source: str) -> ModelT:
    """Check a mapping against a model. Raises ConfigError that names each wrong key, its value and the source."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{source}: " + "; ".join(map(_describe, error.errors()))) from error


def _describe(problem: Any) -> str:
    key = ".".join(map(str, problem["loc"])) or "(top level)"
    given = "" if problem["type"] in {"missing", "extra_forbidden"} else f", got {problem['input']!r}"
    return f"{key}: {problem['msg']}{given}"
