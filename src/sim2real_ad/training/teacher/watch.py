"""Watches what the guidance does to a training: the audit against the simulator's truth, and the alarm."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sim2real_ad.reward.audit import write_audit
from sim2real_ad.reward.audit_log import LOG_FILE, AuditLog
from sim2real_ad.training.teacher.fill import Transition


class GuidanceAudit:
    """Gathers what guidance said, tick by tick, and judges it at the end. Listens to the fill."""

    def __init__(self, seed: int) -> None:
        self._log = AuditLog(seed=seed)

    def hear(self, rollout: Sequence[Transition]) -> None:
        """Take in a filled rollout."""
        for transition in rollout:
            asked = transition.scene is not None
            self._log.add(
                transition.world,
                transition.moment,
                transition.held.said if asked else None,
                abstained=asked and transition.held.abstained,
                scene=transition.scene,
                scenario=transition.scenario,
                episode_seed=transition.episode_seed,
            )

    def save(self, folder: Path) -> None:
        """Write what is known so far."""
        self._log.save(folder)

    def take_up(self, folder: Path) -> None:
        """Go on with what an earlier process knew. Raises SourceError where it is damaged."""
        if (folder / LOG_FILE).is_file():
            self._log = AuditLog.read(folder)

    def conclude(self, run: Path, title: str) -> dict[str, Any]:
        """Write audit.json and audit.html and return the verdict with its reasons."""
        self._log.save(run)
        audit = write_audit(run, self._log, title=title)
        return {"verdict": audit.verdict, "reasons": list(audit.reasons), "figures": audit.figures.model_dump()}
