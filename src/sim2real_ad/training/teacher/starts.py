"""Where a training begins: from nothing, from a few demonstrations, or from the whole imitation of the expert."""

from __future__ import annotations

import json
from pathlib import Path

from sim2real_ad.errors import TrainingError
from sim2real_ad.training.progress import Progress
from sim2real_ad.training.teacher.environment import TeacherEnvSettings
from sim2real_ad.training.teacher.imitation import ImitationSettings, imitate_expert
from sim2real_ad.training.teacher.policy import TeacherPolicy

SCRATCH = "scratch"
IMITATIONS = {
    "cloned": ImitationSettings(rounds=1, episodes=24),
    "imitated": ImitationSettings(),
}
"""cloned: behaviour cloning from 24 demonstrated drives, which leaves much to learn; imitated: the whole DAgger."""
STARTS = (SCRATCH, *IMITATIONS)
START_FILE, START_RECORD = "start.npz", "start.json"


def start_policy(start: str, drives: TeacherEnvSettings, folder: Path, progress: Progress) -> TeacherPolicy | None:
    """Return the policy that a training starts from, None for scratch; what was imitated is kept in the folder.

    start: one of STARTS, or a policy file (.npz). The same start is the same policy, bit for bit, on one machine.
    Raises TrainingError for an unknown start, CheckpointError for a file that is no policy.
    """
    if start == SCRATCH:
        return None
    if start.endswith(".npz"):
        return TeacherPolicy.load(Path(start))
    if start not in IMITATIONS:
        raise TrainingError(f"start: no '{start}'; known names: {', '.join(STARTS)}; or a policy file (.npz)")
    kept = folder / START_FILE
    if not kept.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        # Demonstrations are driven in process, whichever world the training itself is in.
        at_home = drives.as_driven.model_copy(update={"world": "embedded"})
        policy, record = imitate_expert(IMITATIONS[start], at_home, progress)
        (folder / START_RECORD).write_text(json.dumps({"start": start, **record}, indent=1), encoding="utf-8")
        policy.save(kept)
    return TeacherPolicy.load(kept)
