"""What an experiment compares: rows of algorithms, rewards and seeds, and the runs that they mean."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeInt, model_validator

from sim2real_ad.config import StrictModel, find_config, load_config
from sim2real_ad.training.seeds import EVALUATION_SEEDS

NOTHING = "none"
"""Algorithm and reward of the run that trains nothing: the start itself, judged as it is."""
GUIDED = ("vlm", "surrogate")
"""Rewards in which a vision-language model has a say."""
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_\-]*$")]

SCRATCH = "scratch"
Start = Literal["scratch", "cloned", "imitated"]
"""As `training.teacher.starts` names them: from nothing, from a few demonstrations, from the whole imitation."""
OWN_KEYS = frozenset({"algorithm", "reward", "seed", "steps", "start"})
"""What the rows say, and the settings must not."""


class RunSpec(StrictModel):
    """One training, and how its policy is judged.

    steps: of the environment, 0 where the start itself is judged; episodes: judged a scenario, from first_seed on;
    settings: more of the teacher's training, as in its own configuration.
    """

    algorithm: str
    reward: str
    start: Start
    seed: int
    steps: int
    scenarios: tuple[str, ...]
    episodes: int
    first_seed: int
    settings: dict[str, Any]

    @property
    def id(self) -> str:
        """The run's name and its folder's; the same for ever: algorithm, reward, start and seed, nothing else."""
        if not self.trains:
            return f"start-{self.start}"
        return f"{self.algorithm}-{self.reward}-{self.start}-s{self.seed}"

    @property
    def trains(self) -> bool:
        """Whether there is anything to train."""
        return self.algorithm != NOTHING

    @property
    def group(self) -> tuple[str, str, str]:
        """What runs that differ in the seed alone have in common: (start, algorithm, reward)."""
        return self.start, self.algorithm, self.reward

    @property
    def trials(self) -> Iterator[tuple[str, int]]:
        """Every (scenario, seed) that the policy is judged on, seed by seed."""
        for seed in range(self.first_seed, self.first_seed + self.episodes):
            for scenario in self.scenarios:
                yield scenario, seed

    def __str__(self) -> str:
        return self.id


class Row(StrictModel):
    """Every algorithm with every reward and every seed, from one start."""

    algorithms: tuple[Name, ...] = Field(min_length=1)
    rewards: tuple[Name, ...] = Field(min_length=1)
    start: Start
    seeds: tuple[NonNegativeInt, ...] = Field(min_length=1)


class Judging(StrictModel):
    """On which unseen drives every policy is judged: the same for all, so that runs can be compared drive by drive."""

    episodes: int = Field(ge=1, description="a scenario")
    first_seed: int = Field(default=EVALUATION_SEEDS.start, ge=EVALUATION_SEEDS.start)

    @model_validator(mode="after")
    def _seeds_are_for_judging(self) -> Judging:
        last = self.first_seed + self.episodes - 1
        if last not in EVALUATION_SEEDS:
            raise ValueError(
                f"seeds {self.first_seed} to {last} go beyond {EVALUATION_SEEDS[-1]}, the last for judging"
            )
        return self


class ExperimentSpec(StrictModel):
    """An experiment. steps: of every run that trains, the same for all; settings: see RunSpec."""

    steps: int = Field(ge=1)
    scenarios: tuple[str, ...] = Field(min_length=1)
    judging: Judging
    settings: dict[str, Any] = Field(default_factory=dict)
    rows: tuple[Row, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _settings_leave_the_rows_alone(self) -> ExperimentSpec:
        taken = sorted(OWN_KEYS & set(self.settings)) + ["drives.scenarios"] * ("scenarios" in self._drives())
        if taken:
            raise ValueError(f"settings must not hold {', '.join(taken)}: the experiment says so itself")
        return self

    def _drives(self) -> dict[str, Any]:
        drives = self.settings.get("drives", {})
        return drives if isinstance(drives, dict) else {}

    @model_validator(mode="after")
    def _ids_are_unique(self) -> ExperimentSpec:
        twice = [name for name, count in Counter(run.id for run in self.runs()).items() if count > 1]
        if twice:
            raise ValueError(f"these runs stand in more than one row: {', '.join(twice)}")
        return self

    def runs(self) -> tuple[RunSpec, ...]:
        """Return every run: the starts that others train on first, then by seed, so that the whole table is early."""
        trained = [
            self._run(algorithm, reward, row.start, seed)
            for row in self.rows
            for algorithm in row.algorithms
            for reward in row.rewards
            for seed in row.seeds
        ]
        starts = dict.fromkeys(run.start for run in trained if run.start != SCRATCH)
        alone = [self._run(NOTHING, NOTHING, start, 0) for start in starts]
        return (*alone, *sorted(trained, key=lambda run: run.seed))

    def _run(self, algorithm: str, reward: str, start: Start, seed: int) -> RunSpec:
        return RunSpec(
            algorithm=algorithm,
            reward=reward,
            start=start,
            seed=seed,
            steps=0 if algorithm == NOTHING else self.steps,
            scenarios=self.scenarios,
            episodes=self.judging.episodes,
            first_seed=self.judging.first_seed,
            settings=self.settings,
        )


def load_experiment(name_or_path: str | Path) -> ExperimentSpec:
    """Read an experiment by path, or by name in `config/experiments/`. Raises ConfigError."""
    return load_config(find_config(name_or_path, "experiments"), ExperimentSpec)
