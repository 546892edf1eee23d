"""The surrogate: what a scorer says of some goals, distilled into a light network on the bird's-eye view itself.

It predicts the scorer's margins, one a contrast; the scorer's own calibration and bounds make values and abstentions of
them. So it abstains where the paraphrases would disagree, and nothing that it says escapes a bound. No torch is needed,
no picture is painted, no sentence read: the sentences are those it was distilled with.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime

from sim2real_ad.config import StrictModel, load_config
from sim2real_ad.errors import ScorerError
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.bounds import GoalScores, bound_goals, combine
from sim2real_ad.reward.calibration import Calibration
from sim2real_ad.reward.goals import Goals
from sim2real_ad.reward.guidance import Scene, Scores
from sim2real_ad.types import FloatArray, UInt8Array

SHIPPED = Path(__file__).parent / "shipped" / "surrogate"
NETWORK_FILE, CONFIG_FILE = "surrogate.onnx", "surrogate.yaml"
LARGEST_BATCH = 64
SPEED_SCALE, CURVATURE_SCALE = 0.1, 8.0


class SurrogateConfig(StrictModel):
    """What a surrogate was distilled from and for. ahead, aside: m of the BEV that it looks at."""

    format_version: Literal[1] = 1
    scorer: str
    goals: Goals
    calibration: Calibration
    bev: BevSpec = BevSpec()
    ahead: float = 32.0
    aside: float = 10.0

    @property
    def window(self) -> tuple[slice, slice]:
        """(rows, columns) of the BEV that the network sees."""
        (_, height, width), bev = self.bev.shape, self.bev
        rows = round((bev.x_max - self.ahead) / bev.resolution)
        side = round((bev.y_max - self.aside) / bev.resolution)
        return slice(max(rows, 0), height), slice(max(side, 0), width - max(side, 0))


class SurrogateGuidance:
    """Scores scenes by the distilled network, on one thread. Implements Guidance."""

    name = "surrogate"

    def __init__(self, folder: Path = SHIPPED) -> None:
        """Open a folder that `s2r scorer distill` wrote. Raises ScorerError or ConfigError naming what is wrong."""
        self.config = load_config(folder / CONFIG_FILE, SurrogateConfig)
        self._session = _open(folder / NETWORK_FILE)
        outputs = self._session.get_outputs()[0].shape[1]
        if outputs != len(self.config.goals.contrasts):
            raise ScorerError(f"{folder}: the network gives {outputs} margins, its goals have others")
        self._scored = self._abstained = 0
        self._seconds = 0.0

    def score(self, scenes: Sequence[Scene]) -> Scores:
        """Score scenes, in order. Raises ScorerError where a scene's BEV is of another spec."""
        started = time.monotonic()
        scores = combine(self.per_goal(scenes), self.config.goals)
        self._scored += len(scenes)
        self._abstained += int(scores.abstained.sum())
        self._seconds += time.monotonic() - started
        return scores

    def per_goal(self, scenes: Sequence[Scene]) -> GoalScores:
        """Score each goal by itself. Raises as `score` does."""
        return bound_goals(self.margins(scenes), self.config.goals, self.config.calibration)

    def margins(self, scenes: Sequence[Scene]) -> FloatArray:
        """Return predicted margins (N, K) float32 of the goals' contrasts."""
        wrong = next((scene.bev.shape for scene in scenes if scene.bev.shape != self.config.bev.shape), None)
        if wrong is not None:
            raise ScorerError(f"surrogate: a scene's BEV is {wrong}, it was distilled on {self.config.bev.shape}")
        parts = []
        for start in range(0, len(scenes), LARGEST_BATCH):
            cells, motion = network_inputs(scenes[start : start + LARGEST_BATCH], self.config)
            parts.append(self._session.run(None, {"cells": cells, "motion": motion})[0])
        return np.concatenate(parts) if parts else np.zeros((0, len(self.config.goals.contrasts)), np.float32)

    def record(self) -> dict[str, int | float | str]:
        """Return counts for the training record."""
        return {
            "scorer": f"{self.name} of {self.config.scorer}",
            "goals": ", ".join(self.config.goals.names),
            "scored": self._scored,
            "abstained": self._abstained,
            "failures": 0,
            "seconds": round(self._seconds, 3),
        }


def network_inputs(scenes: Sequence[Scene], config: SurrogateConfig) -> tuple[UInt8Array, FloatArray]:
    """Return the network's inputs: cells (N, C, rows, columns) uint8 and motion (N, 2) float32."""
    rows, columns = config.window
    cells = np.stack([scene.bev[:, rows, columns] for scene in scenes])
    motion = np.array([(scene.speed * SPEED_SCALE, scene.curvature * CURVATURE_SCALE) for scene in scenes], np.float32)
    return cells, motion


def _open(path: Path) -> Any:
    if not path.is_file():
        raise ScorerError(f"no surrogate network at {path}; make one with: s2r scorer distill")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime raises its own types, without a common base
        raise ScorerError(f"cannot open the surrogate {path}: {error}") from error
