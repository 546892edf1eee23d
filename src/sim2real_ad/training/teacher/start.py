"""Where a training starts: from nothing, from the imitated expert, or from a policy that somebody kept."""

from __future__ import annotations

from pathlib import Path

from sim2real_ad.training.progress import Progress
from sim2real_ad.training.teacher.imitation import ImitationSettings, imitate_expert
from sim2real_ad.training.teacher.policy import TeacherPolicy
from sim2real_ad.training.teacher.settings import TeacherTraining

START_POLICY = "start.npz"
SCRATCH, IMITATED = "scratch", "imitated"


def starting_policy(training: TeacherTraining, run: Path, progress: Progress) -> TeacherPolicy | None:
    """Return the policy to start from, None for none; a run keeps its own as `start.npz`.

    Raises CheckpointError where the policy file is missing or of another state.
    """
    if training.start == SCRATCH:
        return None
    kept = run / START_POLICY
    if not kept.is_file():
        if training.start == IMITATED:
            settings = ImitationSettings(hidden=training.hyperparameters.hidden, seed=training.seed)
            policy, _ = imitate_expert(settings, training.drives, progress)
        else:
            policy = TeacherPolicy.load(Path(training.start))
        policy.save(kept)
    return TeacherPolicy.load(kept)
