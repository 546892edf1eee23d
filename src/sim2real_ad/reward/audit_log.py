"""Collects what guidance said and what the simulator knew, during a training of any length, in bounded memory."""

from __future__ import annotations

import base64
import json
import math
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.bev_picture import encode_png
from sim2real_ad.files import write_arrays
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.audit_truth import CLEAR_S, DANGERS, SAFE, UNCLEAR, Ending, truth_of
from sim2real_ad.reward.guidance import Scene
from sim2real_ad.reward.moment import Moment
from sim2real_ad.reward.view import paint_scene
from sim2real_ad.types import UInt8Array

LOG_FILE = "audit_log.npz"
KEPT_PER_KIND = 4_000
"""Moments kept of safe, unsafe and unclear each: a fair draw of all that came by."""
WORST_PER_KIND = 8
COLUMNS = ("episode", "time_s", "score", "danger", "lateral_offset", "time_to_collision", "speed")
"""Of a kept moment; the goals' scores follow. danger: index in DANGERS, -1 for none."""


@dataclass(frozen=True)
class Disagreement:
    """A moment about which guidance and truth disagree most. kind: false_praise or false_alarm; png: of the scene."""

    kind: str
    score: float
    truth: str
    episode: int
    scenario: str
    seed: int
    time_s: float
    speed: float
    lateral_offset: float
    gap: float
    stop_distance: float
    png: bytes = b""

    @property
    def severity(self) -> float:
        """How wrong it is, 0..1."""
        return self.score if self.kind == "false_praise" else 1.0 - self.score


@dataclass
class Counts:
    """Exact, of every moment that guidance was asked about."""

    asked: int = 0
    abstained: int = 0
    not_finite: int = 0
    safe: int = 0
    unsafe: int = 0
    unclear: int = 0
    episodes: int = 0


class Reservoir:
    """A fair draw of at most `capacity` rows from a stream of any length (Vitter 1985, algorithm R)."""

    def __init__(self, capacity: int, columns: int, seed: int) -> None:
        self._rows = np.zeros((capacity, columns))
        self._rng = np.random.default_rng(seed)
        self.seen = 0

    def add(self, row: Sequence[float]) -> None:
        """Offer a row."""
        capacity = len(self._rows)
        at = self.seen if self.seen < capacity else int(self._rng.integers(self.seen + 1))
        self.seen += 1
        if at < capacity:
            self._rows[at] = row

    @property
    def rows(self) -> NDArray[np.float64]:
        """What is kept, (N, columns)."""
        return self._rows[: min(self.seen, len(self._rows))]

    def restore(self, rows: NDArray[np.float64], seen: int) -> None:
        """Take up what an earlier one kept."""
        count = min(len(rows), len(self._rows))
        self._rows[:count] = rows[:count]
        self.seen = seen if count == len(self._rows) else count


@dataclass
class _Asked:
    moment: Moment
    score: float
    scene: Scene | None
    goals: tuple[float, ...]


@dataclass
class _Stream:
    """One world's episode under way. waiting: moments whose truth is not decided yet, CLEAR_S of them at most."""

    episode: int
    scenario: str = ""
    seed: int = -1
    last_s: float = -math.inf
    waiting: list[_Asked] = field(default_factory=list)


class AuditLog:
    """Takes the moments of several worlds, each in order of time, and remembers a bounded part of them."""

    def __init__(
        self,
        goals: Sequence[str] = (),
        *,
        capacity: int = KEPT_PER_KIND,
        paint: Callable[[Scene], UInt8Array] | None = None,
        seed: int = 0,
    ) -> None:
        """goals: names of what `goal_scores` of `add` gives; paint: how a scene becomes a picture for the report."""
        self.goals = tuple(goals)
        self.counts = Counts()
        width = len(COLUMNS) + len(self.goals)
        self._kept = {kind: Reservoir(capacity, width, seed + k) for k, kind in enumerate((SAFE, "unsafe", UNCLEAR))}
        self._worst: dict[str, dict[int, Disagreement]] = {"false_praise": {}, "false_alarm": {}}
        self._streams: dict[int, _Stream] = {}
        self._paint = paint or _paint

    def add(
        self,
        stream: int,
        moment: Moment,
        score: float | None = None,
        *,
        abstained: bool = False,
        scene: Scene | None = None,
        goal_scores: Sequence[float] = (),
        scenario: str = "",
        episode_seed: int = -1,
    ) -> None:
        """Take the next tick of a world. score: None where guidance was not asked; its truth counts all the same.

        Every tick that ends an episode must come by, asked or not: what it ended in decides on the moments before it.
        goal_scores: of each goal, NaN for none. Raises ValueError where their number is not the goals'.
        """
        if goal_scores and len(goal_scores) != len(self.goals):
            raise ValueError(f"{len(goal_scores)} goal scores for {len(self.goals)} goals: {', '.join(self.goals)}")
        at = self._stream(stream, moment, scenario, episode_seed)
        if abstained or score is not None:
            self._count(at, moment, score, abstained, scene, tuple(goal_scores))
        at.last_s = moment.time_s
        if moment.infraction or moment.success:
            self._decide(at, at.waiting, Ending(moment.time_s, moment.infraction))
            del self._streams[stream]
        else:
            ripe = [asked for asked in at.waiting if asked.moment.time_s < moment.time_s - CLEAR_S]
            at.waiting = at.waiting[len(ripe) :]
            self._decide(at, ripe, None)

    def rows(self, kind: str) -> NDArray[np.float64]:
        """Return the kept moments (N, columns) of a kind: safe, unsafe or unclear; columns: COLUMNS and the goals."""
        return self._kept[kind].rows

    @property
    def worst(self) -> tuple[Disagreement, ...]:
        """The worst disagreements, one an episode and kind at most, worst first."""
        found = [d for kind in self._worst.values() for d in kind.values()]
        return tuple(sorted(found, key=lambda d: -d.severity))

    def state(self) -> dict[str, NDArray[Any]]:
        """Return all that is decided, as arrays. The last CLEAR_S of each world are not, and are left out."""
        meta = {
            "goals": self.goals,
            "counts": {**asdict(self.counts), "asked": self._decided_count()},
            "seen": {kind: kept.seen for kind, kept in self._kept.items()},
            "worst": [{**asdict(d), "png": base64.b64encode(d.png).decode()} for d in self.worst],
        }
        arrays: dict[str, NDArray[Any]] = {kind: kept.rows.copy() for kind, kept in self._kept.items()}
        return {**arrays, "meta": np.array(json.dumps(meta))}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take up an earlier log's state. Raises ValueError where it is of other goals."""
        meta = json.loads(str(state["meta"]))
        if tuple(meta["goals"]) != self.goals:
            raise ValueError(f"the log is of the goals {', '.join(meta['goals'])}, not {', '.join(self.goals)}")
        self.counts = Counts(**meta["counts"])
        for kind, kept in self._kept.items():
            kept.restore(state[kind], meta["seen"][kind])
        self._worst = {"false_praise": {}, "false_alarm": {}}
        for entry in meta["worst"]:
            found = Disagreement(**{**entry, "png": base64.b64decode(entry["png"])})
            self._worst[found.kind][found.episode] = found
        self._streams = {}

    def save(self, folder: Path) -> Path:
        """Write the state into a run folder at once: a reader sees the old one or the new one, never a part."""
        path = folder / LOG_FILE
        write_arrays(path, self.state(), compressed=True)
        return path

    @classmethod
    def read(cls, folder: Path) -> AuditLog:
        """Read a run folder's log. Raises SourceError naming the file and the fault."""
        path = folder / LOG_FILE
        try:
            with np.load(path, allow_pickle=False) as file:
                state = dict(file)
            log = cls(json.loads(str(state["meta"]))["goals"])
            log.load(state)
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror or error}; was the run trained with guidance?") from error
        except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise SourceError(f"{path} is no audit log: {error}") from error
        return log

    def _stream(self, number: int, moment: Moment, scenario: str, seed: int) -> _Stream:
        at = self._streams.get(number)
        if at is not None and moment.time_s <= at.last_s:
            self._decide(at, at.waiting, Ending(at.last_s))
            at = None
        if at is None:
            at = self._streams[number] = _Stream(self.counts.episodes, scenario, seed)
            self.counts.episodes += 1
        return at

    def _count(
        self,
        at: _Stream,
        moment: Moment,
        score: float | None,
        abstained: bool,
        scene: Scene | None,
        goals: tuple[float, ...],
    ) -> None:
        self.counts.asked += 1
        if abstained:
            self.counts.abstained += 1
        elif score is None or not math.isfinite(score):
            self.counts.not_finite += 1
        else:
            at.waiting.append(_Asked(moment, min(max(float(score), 0.0), 1.0), scene, goals))

    def _decide(self, at: _Stream, ripe: Sequence[_Asked], ending: Ending | None) -> None:
        for asked in ripe:
            truth = truth_of(asked.moment, ending)
            kind = truth if truth in (SAFE, UNCLEAR) else "unsafe"
            setattr(self.counts, kind, getattr(self.counts, kind) + 1)
            self._kept[kind].add(self._row(at, asked, truth))
            if kind != UNCLEAR:
                self._remember(at, asked, truth)

    def _row(self, at: _Stream, asked: _Asked, truth: str) -> list[float]:
        moment = asked.moment
        danger = DANGERS.index(truth) if truth in DANGERS else -1
        row = [at.episode, moment.time_s, asked.score, danger, abs(moment.lateral_offset), moment.time_to_collision]
        return [*row, moment.speed, *(asked.goals or (math.nan,) * len(self.goals))]

    def _remember(self, at: _Stream, asked: _Asked, truth: str) -> None:
        """Keep the moment, painted, where it is among the worst of its kind; one an episode."""
        kind = "false_alarm" if truth == SAFE else "false_praise"
        found, wrong = self._worst[kind], asked.score if kind == "false_praise" else 1.0 - asked.score
        rival = found.get(at.episode)
        if rival is None and len(found) >= WORST_PER_KIND:
            rival = min(found.values(), key=lambda d: d.severity)
        if wrong < 0.5 or (rival is not None and rival.severity >= wrong):
            return
        if rival is not None:
            del found[rival.episode]
        moment = asked.moment
        found[at.episode] = Disagreement(
            kind=kind,
            score=asked.score,
            truth=truth,
            episode=at.episode,
            scenario=at.scenario,
            seed=at.seed,
            time_s=moment.time_s,
            speed=moment.speed,
            lateral_offset=moment.lateral_offset,
            gap=moment.gap,
            stop_distance=moment.stop_distance,
            png=b"" if asked.scene is None else encode_png(self._paint(asked.scene)),
        )

    def _decided_count(self) -> int:
        return self.counts.asked - sum(len(at.waiting) for at in self._streams.values())


def _paint(scene: Scene) -> UInt8Array:
    return paint_scene(scene, BevSpec())
