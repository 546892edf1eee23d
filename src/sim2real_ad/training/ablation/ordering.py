"""Whether the order of rewards and algorithms survives the transfer: a student of every policy of an experiment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

import numpy as np

from sim2real_ad.errors import TrainingError
from sim2real_ad.evaluation.documents import markdown_table
from sim2real_ad.evaluation.rank_statistics import spearman
from sim2real_ad.evaluation.statistics import describe_rate, wilson_interval
from sim2real_ad.evaluation.transfer_report import TRAINING
from sim2real_ad.policy.checkpoint import sha256_of
from sim2real_ad.training.ablation.run import Ablation, drive_variants, seeds_told
from sim2real_ad.training.ablation.variants import TEACHER, Variant, taught_by
from sim2real_ad.training.config import TrainingConfig
from sim2real_ad.training.experiment.folder import ExperimentFolder
from sim2real_ad.training.experiment.spec import RunSpec
from sim2real_ad.training.judged_drives import JudgedDrive
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.teacher.folder import TEACHER_POLICY


@dataclass(frozen=True)
class Count:
    """Strict successes of a number of drives."""

    successes: int
    trials: int

    @property
    def rate(self) -> float:
        """The share of successes, 0..1."""
        return self.successes / self.trials

    def differs(self, other: Count) -> bool:
        """Whether the Wilson 95 % intervals do not overlap."""
        (low, high), (other_low, other_high) = (wilson_interval(c.successes, c.trials) for c in (self, other))
        return high < other_low or other_high < low

    def __str__(self) -> str:
        return describe_rate(self.successes, self.trials)


@dataclass(frozen=True)
class Policy:
    """A policy that runs of an experiment kept, equal to the bit. file: of it; sha256: the file's; judged: by the
    experiment."""

    runs: tuple[str, ...]
    file: Path
    sha256: str
    judged: Count

    @property
    def variant(self) -> Variant:
        """The student that it teaches."""
        name = f"{TEACHER}{self.runs[0]}@{self.sha256[:8]}"
        return taught_by(name, str(self.file), f"the student of {', '.join(self.runs)}")


def policies_of(folder: ExperimentFolder) -> list[Policy]:
    """Return the policies of the runs that are judged, the best first. Raises TrainingError where there are not two."""
    found: dict[str, Policy] = {}
    for one in folder.judged():
        file = _policy_file(folder, one.run)
        judged = Count(sum(drive.success for drive in one.drives), len(one.drives))
        sha256 = sha256_of(file)
        before = found.get(sha256, Policy((), file, sha256, judged))
        found[sha256] = replace(before, runs=(*before.runs, one.run.id))
    if len(found) < 2:
        raise TrainingError(f"{folder.path} holds {len(found)} judged policy, an order needs at least 2")
    return sorted(found.values(), key=lambda policy: -policy.judged.rate)


def run_ordering(folder: ExperimentFolder, ablation: Ablation, base: TrainingConfig, progress: Progress) -> str:
    """Teach a student of every policy, drive them, and return seeds, table and how far the order is kept, in Markdown.

    Raises TrainingError, CheckpointError or WorldError.
    """
    policies = policies_of(folder)
    drives = drive_variants([policy.variant for policy in policies], ablation, base, progress)
    counts = {domain: [_count(drives, policy, domain) for policy in policies] for domain in ablation.domains}
    return f"{seeds_told(ablation)}\n\n{_table(policies, counts)}\n\n{_kept_table(policies, counts)}\n"


def _policy_file(folder: ExperimentFolder, run: RunSpec) -> Path:
    """Return where a run's policy lies; that of a run which trains nothing is its start."""
    path = folder.training_folder(run) / TEACHER_POLICY if run.trains else folder.task(run).start_file
    if not path.is_file():
        raise TrainingError(f"{path} is missing: run `s2r experiment --out {folder.path} --only {run.id}` again")
    return path.resolve()


def _count(drives: Sequence[JudgedDrive], policy: Policy, domain: str) -> Count:
    found = [drive.success for drive in drives if (drive.variant, drive.domain) == (policy.variant.name, domain)]
    return Count(sum(found), len(found))


def _table(policies: Sequence[Policy], counts: dict[str, list[Count]]) -> str:
    """Return a line a policy: how it drives itself, on privileged state, and how its student does."""
    students = (f"student, {domain or TRAINING}" for domain in counts)
    head = ("policy", "kept by these runs too", "teacher, privileged state", *students)
    lines = [
        (f"`{policy.runs[0]}`", ", ".join(f"`{run}`" for run in policy.runs[1:]), str(policy.judged),
         *(str(of_domain[row]) for of_domain in counts.values()))
        for row, policy in enumerate(policies)
    ]  # fmt: skip
    return markdown_table(head, lines)


def _kept_table(policies: Sequence[Policy], counts: dict[str, list[Count]]) -> str:
    """Return a line a domain: how the students' order agrees with their teachers'."""
    teachers = [policy.judged for policy in policies]
    head = (
        "students driven in", "rank correlation with the teachers (Spearman)",
        "pairs of teachers that differ by more than chance", "students in the same order", "equal", "reversed",
    )  # fmt: skip
    lines = []
    for domain, students in counts.items():
        correlation = spearman(_rates(teachers), _rates(students))
        signs = list(_signs(teachers, students))
        told = "-" if correlation is None else f"{correlation:.2f}"
        lines.append((domain or TRAINING, told, str(len(signs)), *(str(signs.count(sign)) for sign in (1, 0, -1))))
    return markdown_table(head, lines)


def _rates(counts: Sequence[Count]) -> np.ndarray:
    return np.array([count.rate for count in counts])


def _signs(teachers: Sequence[Count], students: Sequence[Count]) -> Iterator[int]:
    """Yield 1, 0 or -1 for every pair of teachers that differs by more than chance: students alike, equal, reversed."""
    for (one, student), (other, other_student) in combinations(zip(teachers, students, strict=True), 2):
        if one.differs(other):
            yield int(np.sign((one.rate - other.rate) * (student.rate - other_student.rate)))
