"""DAgger: drive with the student, ask the teacher at every frame what it would have done, train on all of it.

The first rounds see the degraded true BEV, which costs no rendering; the later ones see through the camera adapter,
as the deployed policy will. Of the last rounds the best student by strict success on validation seeds is kept.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sim2real_ad.errors import TrainingError
from sim2real_ad.files import write_json
from sim2real_ad.policy.checkpoint import ADAPTER_FILE, STUDENT_FILE, sha256_of
from sim2real_ad.training.config import TrainingConfig
from sim2real_ad.training.export import export_student
from sim2real_ad.training.imitation import fit_student
from sim2real_ad.training.networks import StudentNetwork, count_parameters
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.rollout import Job, Roll, roll_out
from sim2real_ad.training.samples import Samples, drop_part, joined, read_part, write_part
from sim2real_ad.training.seeds import STUDENT_SEEDS, VALIDATION_SEEDS, check_training_seed
from sim2real_ad.world.randomization_ranges import load_ranges

RECORD_FILE, WEIGHTS_FILE = "record.json", "student.pt"
"""Of a round; the record comes last, so that a round that has one is whole."""


@dataclass
class Dagger:
    """One training run. folder: where networks are written; it holds adapter.onnx already.

    Each round has a folder of its own: samples, weights, student, record. What is finished is not done again.
    """

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
        self.samples = Samples()

    @property
    def count(self) -> int:
        """Number of rounds."""
        return self.config.student.truth_rounds + self.config.student.camera_rounds

    def run(self) -> dict[str, Any]:
        """Run all rounds that are not finished. Leaves the best student in the folder and returns the record.

        Raises TrainingError where the folder holds rounds of another training.
        """
        made_by = self._fingerprint()
        for number in range(self.count):
            record = self._finished(number, made_by)
            if record is None:
                record = {"made_by": made_by, **self._round(number)}
                write_json(self._round_folder(number) / RECORD_FILE, record)
            self.rounds.append(record)
        best = max(self.rounds, key=_successes, default={})
        if best:
            student = self._round_folder(best["round"]) / STUDENT_FILE
            (self.folder / STUDENT_FILE).write_bytes(student.read_bytes())
        for number in range(self.count):
            drop_part(self._round_folder(number))
        return {
            "parameters": count_parameters(self.network),
            "samples": self.rounds[-1]["samples"] if self.rounds else 0,
            "rounds": self.rounds,
            "kept_round": best.get("round"),
            "validation": best.get("validation", {}),
            "minutes": sum(record["minutes"] for record in self.rounds),
        }

    def _fingerprint(self) -> str:
        """Tell trainings apart: by their settings, and by the adapter and the teacher that they were given."""
        settings = self.config.model_dump(mode="json", exclude={"adapter"})
        given = [self.folder / ADAPTER_FILE, Path(str(settings.pop("teacher")))]
        told = [json.dumps(settings, sort_keys=True), *(sha256_of(p) if p.is_file() else p.name for p in given)]
        return hashlib.sha256("".join(told).encode()).hexdigest()[:16]

    def _round_folder(self, number: int) -> Path:
        return self.folder / f"round_{number}"

    def _finished(self, number: int, made_by: str) -> dict[str, Any] | None:
        """Take a finished round up again and return its record; None where it is still to be done."""
        folder = self._round_folder(number)
        if not (folder / RECORD_FILE).is_file():
            return None
        record: dict[str, Any] = json.loads((folder / RECORD_FILE).read_text(encoding="utf-8"))
        if record.get("made_by") != made_by:
            raise TrainingError(
                f"{folder} is of a training with another configuration, adapter or teacher: delete the round_* folders "
                "to train anew, or name another folder"
            )
        if number < self.count - 1 and not (self._round_folder(self.count - 1) / RECORD_FILE).is_file():
            self.samples.add(read_part(folder))
        self.network.load_state_dict(torch.load(folder / WEIGHTS_FILE, weights_only=True))
        self.progress(f"round {number}: finished before; {_summary(record)}", 1.0)
        return record

    def _round(self, number: int) -> dict[str, Any]:
        """Collect with the present student, train on everything, judge."""
        started, settings, folder = time.monotonic(), self.config.student, self._round_folder(number)
        through_camera = number >= settings.truth_rounds
        teacher_share = 1.0 if number == 0 else max(0.1, 0.5**number)
        strength = self._strength(number)
        rolls = list(self._rolled(self._training_jobs(number, teacher_share, strength), f"round {number}: driving"))
        write_part(folder, joined([roll.samples for roll in rolls]))
        self.samples.add(read_part(folder))
        self.progress(f"round {number}: training on {len(self.samples)} samples", 0.5)
        last = number == self.count - 1
        torch.manual_seed(self.config.seed + 1_000 * (number + 1))
        errors = fit_student(
            self.network,
            self.samples,
            settings,
            settings.final_epochs if last else settings.epochs,
            np.random.default_rng([self.config.seed, number]),
            lambda line, share: self.progress(f"round {number}: {line}", 0.5 + 0.5 * share),
        )
        torch.save(self.network.state_dict(), folder / WEIGHTS_FILE)
        export_student(self.network, self.config.corridor, self.config.observation, folder / STUDENT_FILE)
        record = {"round": number, "camera": through_camera, "strength": strength, **errors}
        record["teacher_share"] = teacher_share
        record["training_drives"] = tally(rolls)
        if through_camera and number >= self.count - settings.validated_rounds:
            record["validation"] = self._validate(folder / STUDENT_FILE)
        record["minutes"] = (time.monotonic() - started) / 60.0
        self.progress(f"round {number}: {_summary(record)}", 1.0)
        return record

    def _strength(self, number: int) -> float:
        """Return the randomization's strength in a round, by the curriculum; all of it in the last one."""
        return self.config.randomization * load_ranges().curriculum.strength(number / max(self.count - 1, 1))

    def _training_jobs(self, number: int, teacher_share: float, strength: float) -> list[Job]:
        settings = self.config.student
        through_camera = number >= settings.truth_rounds
        episodes = settings.camera_episodes if through_camera else settings.truth_episodes
        before = settings.truth_episodes * min(number, settings.truth_rounds)
        before += settings.camera_episodes * max(number - settings.truth_rounds, 0)
        first = STUDENT_SEEDS.start + 10_000 * (self.config.seed - 1) + before
        return [
            Job(
                config=self.config,
                scenario=settings.practice[episode % len(settings.practice)],
                seed=check_training_seed(first + episode),
                adapter=self.folder / ADAPTER_FILE if through_camera else None,
                student=self._round_folder(number - 1) / STUDENT_FILE if number else None,
                teacher_share=teacher_share,
                push_rate=0.15,
                keep_every=2,
                strength=strength,
            )
            for episode in range(episodes)
        ]

    def _validate(self, path: Path) -> dict[str, Any]:
        """Judge by strict success, through any camera: the nominal one alone says little of what crosses."""
        adapter, strength = self.folder / ADAPTER_FILE, self.config.randomization
        jobs = [
            Job(self.config, scenario, seed, adapter=adapter, student=path, strength=strength)
            for scenario in self.config.scenarios
            for seed in VALIDATION_SEEDS[: self.config.student.validation_episodes]
        ]
        return tally(self._rolled(jobs, "validating"))

    def _rolled(self, jobs: list[Job], what: str) -> Iterator[Roll]:
        for done, roll in enumerate(self.executor.map(roll_out, jobs), start=1):
            self.progress(f"{what}: {done} of {len(jobs)} drives", 0.5 * done / len(jobs))
            yield roll


def _successes(record: dict[str, Any]) -> tuple[int, int]:
    """By what the best round is chosen: successes on validation seeds, then how late it came."""
    return sum(row["successes"] for row in record.get("validation", {}).values()), record["round"]


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
