"""What a teacher's training can be told: `config/training/teacher.yaml`, and what the command line changes of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from sim2real_ad.config import StrictModel, check_config, find_config, read_yaml
from sim2real_ad.errors import TrainingError
from sim2real_ad.training.teacher.environment import TeacherEnvSettings
from sim2real_ad.training.teacher.hyperparameters import (
    Hyperparameters,
    OffPolicyHyperparameters,
    PpoHyperparameters,
    SacHyperparameters,
    Td3Hyperparameters,
    TqcHyperparameters,
)

SHIPPED = "teacher"


class AlgorithmSettings(StrictModel):
    """Every algorithm's hyper-parameters; the run uses those of its own."""

    sac: SacHyperparameters = SacHyperparameters()
    ppo: PpoHyperparameters = PpoHyperparameters()
    td3: Td3Hyperparameters = Td3Hyperparameters()
    tqc: TqcHyperparameters = TqcHyperparameters()


ALGORITHMS = tuple(sorted(AlgorithmSettings.model_fields))


class Closeness(StrictModel):
    """How a training that starts from an imitated policy keeps close to it.

    weight: of the squared distance between the actor's action and the start's, in the actor's loss; it fades to 0 over
    fade_steps (0: never). warm_up: steps for which the actor is held, so that a fresh critic does not destroy it.
    log_std: logarithm of the first exploration noise, of actions in [-1, 1].
    """

    weight: float = Field(default=1.0, ge=0.0)
    fade_steps: int = Field(default=0, ge=0)
    warm_up: int = Field(default=20_000, ge=0)
    batch_size: int = Field(default=128, ge=1)
    log_std: float = Field(default=-2.4, ge=-5.0, le=1.0)


class EvaluationSettings(StrictModel):
    """When and how long the policy is judged on validation seeds; episodes are of each scenario."""

    every: int = Field(default=20_000, ge=1, description="steps")
    episodes: int = Field(default=10, ge=1, le=400)
    final_episodes: int = Field(default=50, ge=1, le=500, description="other seeds than those that chose the best")


class TeacherTraining(StrictModel):
    """One training. start: one of `starts.STARTS`, or a policy file (.npz).

    worlds: stepped in turn by this process; None: 8, or 1 where a CARLA server is the world.
    """

    algorithm: str = "sac"
    reward: str = "vlm"
    scorer: str = "lit-minilm"
    goals: str = "driving"
    steps: int = Field(default=300_000, ge=1)
    seed: int = Field(default=1, ge=0)
    start: str = "scratch"
    worlds: int | None = Field(default=None, ge=1, le=64)
    drives: TeacherEnvSettings = TeacherEnvSettings(action_repeat=4, guidance_stride=1)
    algorithms: AlgorithmSettings = AlgorithmSettings()
    closeness: Closeness = Closeness()
    evaluation: EvaluationSettings = EvaluationSettings()
    checkpoint_every_s: float = Field(default=60.0, ge=0.0)
    window: int = Field(default=100, ge=1, description="episodes of a scenario in the rolling rates")

    @model_validator(mode="after")
    def _fits_together(self) -> TeacherTraining:
        chosen = getattr(self.algorithms, self.algorithm, None)
        if isinstance(chosen, OffPolicyHyperparameters) and chosen.buffer_size < chosen.train_freq * self.world_count:
            raise ValueError(
                f"algorithms.{self.algorithm}.buffer_size {chosen.buffer_size} holds less than one rollout: "
                f"train_freq {chosen.train_freq} x worlds {self.world_count}"
            )
        if self.drives.world == "carla" and self.world_count > 1:
            raise ValueError(f"worlds must be 1 where the world is a CARLA server, got {self.worlds}")
        return self

    @property
    def world_count(self) -> int:
        """How many worlds are stepped in turn."""
        return self.worlds or (1 if self.drives.world == "carla" else 8)

    @property
    def hyperparameters(self) -> Hyperparameters:
        """Of the chosen algorithm. Raises TrainingError for an unknown one, naming those there are."""
        found: Hyperparameters | None = getattr(self.algorithms, self.algorithm, None)
        if self.algorithm not in ALGORITHMS or found is None:
            raise TrainingError(f"algorithm: no '{self.algorithm}'; known names: {', '.join(ALGORITHMS)}")
        return found

    def identity(self) -> dict[str, Any]:
        """Return what must be equal for a run folder to be taken up again: all but how far, and where the server is."""
        held = self.model_dump(mode="json", exclude={"steps", "checkpoint_every_s", "algorithms"})
        for name in ("host", "port"):
            held["drives"].pop(name)
        held["evaluation"].pop("final_episodes")
        return {**held, "hyperparameters": self.hyperparameters.model_dump(mode="json")}


def load_teacher_training(
    config: str | Path | None = None, changes: Mapping[str, Any] | None = None
) -> TeacherTraining:
    """Read a YAML, by name in config/training or by path, and change some of it; changes nest as the YAML does.

    None is the shipped one. Raises ConfigError that names each wrong key.
    """
    path = find_config(config or SHIPPED, "training")
    data = read_yaml(path)
    _merge(data, changes or {})
    return check_config(data, TeacherTraining, str(path))


def _merge(data: dict[str, Any], changes: Mapping[str, Any]) -> None:
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(data.get(key), dict):
            _merge(data[key], value)
        else:
            data[key] = dict(value) if isinstance(value, Mapping) else value
