"""Judged drives of a checkpoint, a line each on disk as it is known, to be taken up again; and their tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from sim2real_ad.evaluation.documents import markdown_table
from sim2real_ad.evaluation.statistics import describe_rate
from sim2real_ad.evaluation.transfer_folder import append_line, digest_of, read_lines
from sim2real_ad.evaluation.transfer_report import TRAINING
from sim2real_ad.policy.checkpoint import identity_of_checkpoint, load_checkpoint
from sim2real_ad.safety.limits import load_safety_limits
from sim2real_ad.training.evaluate import Judgement, Score, Trial, judge_all, scores
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.run import worker_pool

DRIVES_FILE = "drives.jsonl"
Report = Callable[[str, float], None]


class JudgedDrive(Judgement):
    """One drive. variant: what was driven, empty for a checkpoint as it is; checkpoint, limits: SHA-256 of the
    checkpoint's configuration and of the gate's limits."""

    variant: str
    checkpoint: str
    limits: str

    @property
    def key(self) -> tuple[str, ...]:
        """What was driven with what, where and when."""
        return self.variant, self.checkpoint, self.limits, self.domain, self.scenario, str(self.seed)


def judge_missing(
    path: Path, trials: Sequence[Trial], workers: int, report: Report, variant: str = ""
) -> list[JudgedDrive]:
    """Drive those of some trials, all of one checkpoint, that a file does not hold yet; return all of them in order.

    Where nothing is missing the checkpoint's weights need not be there. Raises CheckpointError, ConfigError or
    WorldError.
    """
    if not trials:
        return []
    checkpoint = identity_of_checkpoint(trials[0].checkpoint)
    limits = digest_of(load_safety_limits())

    def key(trial: Trial) -> tuple[str, ...]:
        return variant, checkpoint, limits, trial.domain, trial.scenario, str(trial.seed)

    known = {drive.key: drive for drive in read_lines(path, JudgedDrive)}
    missing = [trial for trial in trials if key(trial) not in known]
    if missing:
        load_checkpoint(trials[0].checkpoint)
        with worker_pool(workers) as pool:
            for done, judged in enumerate(judge_all(missing, pool), start=1):
                drive = JudgedDrive(**judged.model_dump(), variant=variant, checkpoint=checkpoint, limits=limits)
                append_line(path, drive)
                known[drive.key] = drive
                where = " ".join(filter(None, (variant, judged.domain or TRAINING)))
                report(f"{where}: {done} of {len(missing)} drives", done / len(missing))
    return [known[key(trial)] for trial in trials]


def evaluate_checkpoint(
    folder: Path | None,
    scenarios: Sequence[str],
    domains: Sequence[str],
    seeds: range,
    out: Path,
    workers: int,
    progress: Progress,
) -> dict[str, tuple[Score, ...]]:
    """Judge a checkpoint, the shipped one for None, on some of the evaluation seeds in each domain.

    domains: "" is the training domain. out: of DRIVES_FILE; what it holds is not driven again. Returns the scores of
    each domain. Raises CheckpointError, ConfigError or WorldError.
    """
    out.mkdir(parents=True, exist_ok=True)
    found = {}
    for domain in domains:
        trials = [Trial(name, seed, folder, domain) for seed in seeds for name in scenarios]
        drives = judge_missing(out / DRIVES_FILE, trials, workers, progress)
        found[domain or TRAINING] = scores(drives)
        for score in found[domain or TRAINING]:
            progress.say(f"{domain or TRAINING}, {score}")
    return found


def score_table(found: dict[str, tuple[Score, ...]]) -> str:
    """Return Markdown: strict successes with intervals and the gate's share, a line a domain, and what failed."""
    names = list(dict.fromkeys(score.scenario for line in found.values() for score in line))
    spoken = [name.replace("_", " ") for name in names]
    head = ("domain", *spoken, *(f"gate, {name}" for name in spoken))
    lines, failures = [], []
    for domain, of_domain in found.items():
        by_name = {score.scenario: score for score in of_domain}
        shares = [f"{100 * by_name[name].intervened:.1f} %" for name in names]
        lines.append(
            (domain, *(describe_rate(by_name[name].successes, by_name[name].trials) for name in names), *shares)
        )
        failures += [f"- {domain}, {score.scenario}, {failure}" for score in of_domain for failure in score.failures]
    failed = "\n\nWhat failed:\n\n" + "\n".join(failures) if failures else ""
    return f"{markdown_table(head, lines)}{failed}\n\n{_reasons(found)}\n"


def _reasons(found: dict[str, tuple[Score, ...]]) -> str:
    """Return why the gate stepped in, over all domains, as frames of all frames."""
    every = [score for line in found.values() for score in line]
    counted = sum((Counter(dict(score.interventions)) for score in every), Counter[str]())
    frames = sum(score.frames for score in every)
    told = ", ".join(f"`{name}` {count}" for name, count in counted.most_common())
    return f"The gate stepped in, by reason, in frames of {frames:,}: {told or 'never'}."
