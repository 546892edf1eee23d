"""Scenarios by name: what they say (`scenario_model`), and what they become on a map (`plan`, `layout`)."""

from __future__ import annotations

from pathlib import Path

from sim2real_ad.config import find_config, load_config, share_path
from sim2real_ad.errors import ConfigError, ScenarioError
from sim2real_ad.world.layout import plan_episode
from sim2real_ad.world.plan import (
    ActorPlan,
    Behaviour,
    Driver,
    Driving,
    EpisodePlan,
    RouteStop,
    Standing,
    Walking,
)
from sim2real_ad.world.scenario_model import Criteria, Scenario


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Load a scenario by name (config/scenarios) or path. Raises ScenarioError naming what is wrong, and where."""
    try:
        return load_config(find_config(name_or_path, "scenarios"), Scenario)
    except ConfigError as error:
        raise ScenarioError(str(error)) from error


def load_practice(name: str) -> Scenario:
    """Load what a training episode practises: by name from config/practice or config/scenarios. Raises ScenarioError.

    What config/practice holds is never judged by: scenarios in which a rare difficulty is the rule.
    """
    made_for_it = share_path() / "config" / "practice" / f"{name}.yaml"
    return load_scenario(made_for_it if made_for_it.is_file() else name)


def scenario_names() -> tuple[str, ...]:
    """Return the names of the shipped scenarios, sorted."""
    return tuple(sorted(path.stem for path in (share_path() / "config" / "scenarios").glob("*.yaml")))


__all__ = [
    "ActorPlan",
    "Behaviour",
    "Criteria",
    "Driver",
    "Driving",
    "EpisodePlan",
    "RouteStop",
    "Scenario",
    "Standing",
    "Walking",
    "load_practice",
    "load_scenario",
    "plan_episode",
    "scenario_names",
]
