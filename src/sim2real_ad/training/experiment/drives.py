"""Judged drives, a line of drives.jsonl each."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import TrainingError

DRIVES_FILE = "drives.jsonl"


class Drive(StrictModel):
    """One judged drive. success: the goal reached and no infraction; the figures are SI, over `ticks` ticks.

    rms_lateral_jerk: m/s^3; mean_speed: m/s.
    """

    scenario: str
    seed: int
    success: bool
    infractions: tuple[str, ...]
    ticks: int
    mean_speed: float
    rms_lateral_jerk: float

    @property
    def key(self) -> tuple[str, int]:
        """Which drive it is: the same for every policy."""
        return self.scenario, self.seed


def read_drives(folder: Path) -> list[Drive]:
    """Read what has been judged; a last line that is not whole yet, or was cut off by a kill, is left out.

    Raises TrainingError where another line is unreadable.
    """
    path = folder / DRIVES_FILE
    whole = whole_lines(path)
    try:
        return [Drive.model_validate_json(line) for line in whole.splitlines()]
    except ValidationError as error:
        raise TrainingError(
            f"{path} holds a line that is no judged drive: {error}; remove it to judge again"
        ) from error


def whole_lines(path: Path) -> str:
    """Return the lines of a file that end, "" where there is none."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return text[: text.rfind("\n") + 1]
