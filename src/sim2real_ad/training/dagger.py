"""DAgger: drive with the student, ask the teacher at every frame what it would have done, train on all of it.

The first rounds see the degraded true BEV, which costs no rendering; the later ones see through the camera adapter,
as the deployed policy will. The best student by strict success on validation seeds is kept.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sim2real_ad.policy.checkpoint import STUDENT_FILE
from sim2real_ad.training.config import TrainingConfig
from sim2real_ad.training.export import export_student
from sim2real_ad.training.imitation import Samples, fit_student
from sim2real_ad.training.networks import StudentNetwork, count_parameters
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.rollout import Job, Roll, roll_out
from sim2real_ad.training.seeds import STUDENT_SEEDS, VALIDATION_SEEDS, check_training_seed
from sim2real_ad.world.randomization_ranges import load_ranges


@dataclass
class Dagger:
    """One training run. folder: where networks are written; it holds adapter.onnx already."""

    config: TrainingConfig
    folder: Path
    executor: Executor
    progress: Progress
    network: StudentNetwork = field(init=False)
    samples: Samples = field(init=False)
    rounds: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        torch.manual_seed(self.config.seed)
        self.network = StudentNetwork(self.config.corridor, self.config.observation)
        self.samples = Samples(self.config.corridor, self.config.observation)
        self._random = np.random.default_rng(self.config.seed)
        self._seeds = itertools.count(STUDENT_SEEDS.start + 10_000 * (self.config.seed - 1))
        self._best = -1

    def run(self) -> dict[str, Any]:
        """Run all rounds. Leaves the best student in the folder and returns the record."""
        settings, started = self.config.student, time.monotonic()
        for number in range(settings.truth_rounds):
            self._round(number, through_camera=False, episodes=settings.truth_episodes)
        for number in range(settings.camera_rounds):
            self._round(settings.truth_rounds + number, through_camera=True, episodes=settings.camera_episodes)
        best = max(self.rounds, key=lambda r: sum(v["successes"] for v in r.get("validation", {}).values()), default={})
        return {
            "parameters": count_parameters(self.network),
            "samples": len(self.samples),
            "rounds": self.rounds,
            "validation": best.get("validation", {}),
            "minutes": (time.monotonic() - started) / 60.0,
        }

    def _round(self, number: int, *, through_camera: bool, episodes: int) -> None:
        """Collect with the present student, train on everything, judge, keep the best."""
        teacher_share = 1.0 if number == 0 else max(0.1, 0.5**number)
        strength = self._strength(number)
        jobs = list(self._training_jobs(number, through_camera, episodes, teacher_share, strength))
        rolls = list(self._rolled(jobs, f"round {number}: driving"))
        for roll in rolls:
            self.samples.extend(roll.corridors, roll.features, roll.actions)
        self.progress(f"round {number}: training on {len(self.samples)} samples", 0.5)
        settings = self.config.student
        last = number == settings.truth_rounds + settings.camera_rounds - 1
        epochs = settings.final_epochs if last else settings.epochs
        errors = fit_student(self.network, self.samples, settings, epochs, self._random)
        path = self.folder / f"round_{number}" / STUDENT_FILE
        export_student(self.network, self.config.corridor, self.config.observation, path)
        record = {"round": number, "camera": through_camera, "strength": strength, **errors}
        record["teacher_share"] = teacher_share
        record["training_drives"] = tally(rolls)
        if through_camera:
            record["validation"] = self._validate(path)
        self.rounds.append(record)
        self.progress(f"round {number}: {_summary(record)}", 1.0)

    def _strength(self, number: int) -> float:
        """Return the randomization's strength in a round, by the curriculum; all of it in the last one."""
        rounds = self.config.student.truth_rounds + self.config.student.camera_rounds
        return self.config.randomization * load_ranges().curriculum.strength(number / max(rounds - 1, 1))

    def _training_jobs(
        self, number: int, camera: bool, episodes: int, teacher_share: float, strength: float
    ) -> Iterator[Job]:
        practice = self.config.student.practice
        student = self.folder / f"round_{number - 1}" / STUDENT_FILE if number else None
        for episode in range(episodes):
            yield Job(
                config=self.config,
                scenario=practice[episode % len(practice)],
                seed=check_training_seed(next(self._seeds)),
                adapter=self.folder / "adapter.onnx" if camera else None,
                student=student,
                teacher_share=teacher_share,
                push_rate=0.15,
                keep_every=2,
                strength=strength,
            )

    def _validate(self, path: Path) -> dict[str, Any]:
        """Judge by strict success; the best so far becomes the folder's student."""
        count = self.config.student.validation_episodes
        jobs = [
            Job(self.config, scenario, seed, adapter=self.folder / "adapter.onnx", student=path)
            for scenario in self.config.scenarios
            for seed in VALIDATION_SEEDS[:count]
        ]
        result = tally(list(self._rolled(jobs, "validating")))
        total = sum(scenario["successes"] for scenario in result.values())
        if total > self._best:
            self._best = total
            (self.folder / STUDENT_FILE).write_bytes(path.read_bytes())
        return result

    def _rolled(self, jobs: list[Job], what: str) -> Iterator[Roll]:
        for done, roll in enumerate(self.executor.map(roll_out, jobs), start=1):
            self.progress(f"{what}: {done} of {len(jobs)} drives", 0.5 * done / len(jobs))
            yield roll


def tally(rolls: Iterable[Roll]) -> dict[str, Any]:
    """Count drives, strict successes and infractions by scenario."""
    table: dict[str, Any] = {}
    for roll in rolls:
        row = table.setdefault(roll.scenario, {"n": 0, "successes": 0, "infractions": {}})
        row["n"] += 1
        row["successes"] += roll.success
        for name in roll.infractions:
            row["infractions"][name] = row["infractions"].get(name, 0) + 1
    return table


def _summary(record: dict[str, Any]) -> str:
    rows = record.get("validation", record["training_drives"])
    drives = ", ".join(f"{name} {row['successes']}/{row['n']} {row['infractions']}" for name, row in rows.items())
    errors = f"{record['curvature_error']:.4f} {record['acceleration_error']:.4f}"
    return f"{record['samples']} samples, errors {errors}; {drives}"
