"""What `s2r transfer` has done so far: a folder a domain, every line on disk as it is known, to be taken up again.

`sensitivity-<teacher>.jsonl` holds the teacher's disturbed drives. In `domains/<name>/` lie `identity.json` (which
checkpoint, teacher and domain: others are not mixed in), `part-000/` and so on (a run of the graph each, as `s2r drive`
leaves it, with `online.jsonl`) and `residual.jsonl` (drives measured against the ground truth).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from sim2real_ad.config import StrictModel
from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.evaluation.results import RECORDING_FILE, RESULT_FILE, EpisodeResult, read_results
from sim2real_ad.evaluation.transfer_recording import OnlineTerms, online_terms
from sim2real_ad.files import write_text
from sim2real_ad.vehicle.profile import VehicleProfile

IDENTITY_FILE, ONLINE_FILE, RESIDUAL_FILE = "identity.json", "online.jsonl", "residual.jsonl"
OF_THE_REAL_CAR = {"drive_by_wire", "tracking", "topics"}
"""Fields of a vehicle profile."""
SENSITIVITY_FILE = "sensitivity-{teacher}.jsonl"

ModelT = TypeVar("ModelT", bound=StrictModel)
Key = tuple[str, int]
"""Scenario and seed."""


class Identity(StrictModel):
    """What a domain's drives were driven and measured with: SHA-256 of each."""

    checkpoint: str
    teacher: str
    limits: str
    domain: str


def identity_of(checkpoint_sha256: str, teacher_sha256: str, limits: StrictModel, *parts: StrictModel) -> Identity:
    """Return the identity of a checkpoint, a teacher, the gate's limits and a domain made of settings, vehicle, camera.

    How a real car of that kind is reached has no part in it.
    """
    text = "\n".join(part.model_dump_json(exclude=OF_THE_REAL_CAR) for part in parts)
    domain = hashlib.sha256(text.encode()).hexdigest()
    return Identity(checkpoint=checkpoint_sha256, teacher=teacher_sha256, limits=digest_of(limits), domain=domain)


def digest_of(settings: StrictModel) -> str:
    """Return the SHA-256, in hex, of settings: what was driven with others is not mixed in."""
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()


class DomainFolder:
    """One domain's drives."""

    def __init__(self, out: Path, name: str, identity: Identity) -> None:
        """Open or create it. Raises ConfigError where it holds drives of another checkpoint or another domain."""
        self.name = name
        self.path = out / "domains" / name
        self.path.mkdir(parents=True, exist_ok=True)
        file = self.path / IDENTITY_FILE
        if not file.exists():
            file.write_text(json.dumps(identity.model_dump(), indent=2) + "\n", encoding="utf-8")
        known = Identity.model_validate_json(file.read_text(encoding="utf-8"))
        for part, value in known:
            if value != getattr(identity, part):
                raise ConfigError(
                    f"{file}: these drives were made with another {part} ({value[:12]}..., now "
                    f"{getattr(identity, part)[:12]}...); name a new --out"
                )

    def parts(self) -> list[Path]:
        """Return the runs of the graph so far, in order."""
        return sorted(path for path in self.path.glob("part-*") if (path / RESULT_FILE).is_file())

    def new_part(self) -> Path:
        """Return a folder for another run of the graph; it does not exist yet."""
        taken = [int(path.name.partition("-")[2]) for path in self.path.glob("part-*")]
        return self.path / f"part-{max(taken, default=-1) + 1:03d}"

    def results(self) -> dict[Key, EpisodeResult]:
        """Return every judged episode; one that could not be judged is none and is driven again."""
        results = (result for part in self.parts() for result in read_results(part))
        return {(r.scenario, r.seed): r for r in results if r.error is None}

    def online(self) -> dict[Key, OnlineTerms]:
        """Return the terms of the recorded episodes."""
        terms = (term for part in self.parts() for term in read_lines(part / ONLINE_FILE, OnlineTerms))
        return {(t.scenario, t.seed): t for t in terms if t.seed is not None}

    def harvest(self, profile: VehicleProfile, *, keep_recordings: bool) -> None:
        """Draw the online terms from every recording that has not given them, then delete it unless it is kept.

        The results lose the latency of every frame, which says nothing where time waits for the command: what is left
        of hundreds of drives is small enough to be kept.
        """
        for part in self.parts():
            recording, online = part / RECORDING_FILE, part / ONLINE_FILE
            if not recording.is_file():
                continue
            if not online.is_file():
                write_whole(online, online_terms([recording], profile))
            shortened = [result.model_copy(update={"latencies_ms": ()}) for result in read_results(part)]
            write_whole(part / RESULT_FILE, shortened)
            if not keep_recordings:
                recording.unlink()


def append_line(path: Path, item: StrictModel) -> None:
    """Add a line; it is on disk on return. What a kill left of the last line is taken out first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        file.write((item.model_dump_json() + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path, model: type[ModelT]) -> list[ModelT]:
    """Return every whole line; none where there is no file. Raises SourceError naming the line at fault."""
    if not path.is_file():
        return []
    *lines, _unfinished = path.read_text(encoding="utf-8").split("\n")
    try:
        return [model.model_validate_json(line) for line in lines]
    except ValidationError as error:
        raise SourceError(f"{path}: {error.errors()[0]['msg']}") from error


def write_whole(path: Path, items: Sequence[StrictModel]) -> None:
    """Write all lines at once: a reader sees all or nothing."""
    write_text(path, "".join(item.model_dump_json() + "\n" for item in items))
