"""The folder of a teacher's training: what it holds, whose it is, and whether it is finished.

run.json                      what was asked for, and with which versions
checkpoints/                  the last two: model, replay buffer, random states, progress, the audit's log
tensorboard/                  every reward term, success and infractions by scenario, guidance, the algorithm's figures
evaluations.jsonl             a judgement on validation seeds every so many steps
best.npz, best.json           the best policy so far and its judgement
start.npz                     the policy that it started from, where it started from one
audit.json, audit.html        guidance against the simulator's truth, where guidance had a say
teacher.npz, teacher.json, result.json   at the end
"""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from sim2real_ad.errors import TrainingError
from sim2real_ad.evaluation.provenance import collect_versions
from sim2real_ad.files import write_json
from sim2real_ad.training.teacher.settings import TeacherTraining
from sim2real_ad.training.teacher.state import STATE_FINGERPRINT

PACKAGES = ("stable-baselines3", "sb3-contrib", "gymnasium")
RUN_FILE, RESULT_FILE, TEACHER_POLICY, TEACHER_FILE = "run.json", "result.json", "teacher.npz", "teacher.json"


def collect_training_versions() -> dict[str, str]:
    """Return the versions of all that makes a training, by name."""
    return {**collect_versions(), **{name: metadata.version(name) for name in PACKAGES}}


def claim(run: Path, training: TeacherTraining, command: list[str] | None = None) -> None:
    """Write run.json, or check that the folder holds this training. Raises TrainingError where it holds another."""
    path, identity = run / RUN_FILE, training.identity()
    if path.is_file():
        _require_same(run, read_json(path).get("identity", {}), identity)
        return
    run.mkdir(parents=True, exist_ok=True)
    record = {
        "identity": identity,
        "settings": training.model_dump(mode="json"),
        "versions": collect_training_versions(),
        "command": command if command is not None else [Path(sys.argv[0]).name, *sys.argv[1:]],
        "state_fingerprint": STATE_FINGERPRINT,
    }
    write_json(path, record)


def finished_result(run: Path, training: TeacherTraining) -> dict[str, Any] | None:
    """Return the result of a training that has taken all its steps, None while there is something to do."""
    path = run / RESULT_FILE
    result = read_json(path) if path.is_file() else None
    return result if result is not None and result["steps"] >= training.steps else None


def read_json(path: Path) -> dict[str, Any]:
    """Read a file of the run. Raises TrainingError naming it."""
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} cannot be read: {error}") from error
    return read


def _require_same(run: Path, held: dict[str, Any], asked: dict[str, Any]) -> None:
    there, here = _flat(held), _flat(asked)
    differing = [key for key in here if there.get(key) != here[key]] + [key for key in there if key not in here]
    if differing:
        told = "; ".join(f"{key} is {there.get(key)} there, {here.get(key)} was asked for" for key in differing[:4])
        more = f"; and {len(differing) - 4} more" if len(differing) > 4 else ""
        raise TrainingError(f"{run} holds another training: {told}{more}; take another folder or the same settings")


def _flat(data: dict[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return flat
