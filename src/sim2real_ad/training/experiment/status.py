"""How far the runs of an experiment are, told through files: a run may be on another machine."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sim2real_ad.training.experiment.drives import DRIVES_FILE
from sim2real_ad.training.experiment.folder import ExperimentFolder, is_trained, training_folder
from sim2real_ad.training.experiment.spec import RunSpec
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.teacher.checkpoints import list_checkpoints

READ_EVERY_S = 3.0
JUDGING_SHARE = 0.1
"""Of the time of a run that trains. Only the forecast leans on it."""


def share_done(run: RunSpec, run_folder: Path) -> float:
    """Return how much of a run its files show to be done, 0..1."""
    drives = run_folder / DRIVES_FILE
    judged = drives.read_bytes().count(b"\n") / len(list(run.trials)) if drives.is_file() else 0.0
    if not run.trains:
        return min(judged, 1.0)
    return (1.0 - JUDGING_SHARE) * _share_trained(run, run_folder) + JUDGING_SHARE * min(judged, 1.0)


def _share_trained(run: RunSpec, run_folder: Path) -> float:
    if is_trained(run, run_folder):
        return 1.0
    saved = list_checkpoints(training_folder(run_folder))
    return min(int(saved[-1].name.rpartition("_")[2]) / run.steps, 1.0) if saved else 0.0


class Overview:
    """The whole experiment in one line: runs done, those under way, and when it will be over."""

    def __init__(self, folder: ExperimentFolder, runs: Sequence[RunSpec], progress: Progress) -> None:
        """runs: what this command is to do, finished ones included."""
        self._folder, self._runs, self._progress = folder, runs, progress
        self._done = {run.id for run in runs if folder.is_finished(run)}
        self._failed: set[str] = set()
        self._started_s = time.monotonic()
        self._shown_s = -READ_EVERY_S
        self._at_start = self._total()

    def ended(self, run: RunSpec, failed: bool) -> None:
        """Take note that a run has ended."""
        (self._failed if failed else self._done).add(run.id)
        self.show(now=True)

    def show(self, *, now: bool = False) -> None:
        """Renew the line, if it is time."""
        if now or time.monotonic() - self._shown_s >= READ_EVERY_S:
            self._shown_s = time.monotonic()
            self._progress(self.line(), min(self._total() / max(len(self._runs), 1), 0.999))

    def line(self) -> str:
        """Return what is to be told now."""
        under_way = [f"{run.id} {share:.0%}" for run in self._runs if 0.0 < (share := self._share(run)) < 1.0]
        parts = [f"{len(self._done)} of {len(self._runs)} runs"]
        parts += [f"{len(self._failed)} failed"] if self._failed else []
        parts += [", ".join(under_way[:4]) + (", ..." if len(under_way) > 4 else "")] if under_way else []
        return "; ".join([*parts, self._forecast()])

    def _forecast(self) -> str:
        done, left = self._total() - self._at_start, len(self._runs) - len(self._failed) - self._total()
        if done < 1e-3 or left <= 0.0:
            return "time left not known yet" if left > 0.0 else "nothing left"
        minutes = (time.monotonic() - self._started_s) / done * left / 60.0
        return f"about {minutes:.0f} min left" if minutes < 90.0 else f"about {minutes / 60.0:.1f} h left"

    def _total(self) -> float:
        return sum(self._share(run) for run in self._runs)

    def _share(self, run: RunSpec) -> float:
        """Return how much of a run is done, 0..1; a failed one counts for nothing."""
        if run.id in self._done:
            return 1.0
        if run.id in self._failed:
            return 0.0
        # Files come and go while a run works: the next look tells.
        with suppress(OSError):
            return min(share_done(run, self._folder.run_folder(run)), 0.999)
        return 0.0
