"""Scorers by their names on the command line. A backend's libraries are imported only when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sim2real_ad.errors import ScorerError
from sim2real_ad.reward.scorer import Scorer
from sim2real_ad.reward.scorers.checked import CheckedScorer

DEFAULT_SCORER = "lit-minilm"
SHIPPED_CALIBRATION = Path(__file__).parents[1] / "shipped" / "lit" / "calibration.yaml"
CALIBRATION_FILE = "calibration.yaml"
EXTRA = "vlm"


def load_scorer(text: str) -> CheckedScorer:
    """Open a scorer: `lit-minilm`, `clip:FOLDER`, `onnx:FOLDER` or `chat:CONFIG.yaml`.

    Raises ScorerError where the name is unknown, the model cannot be loaded or a library is missing; ConfigError for
    a wrong YAML file.
    """
    kind, colon, place = text.partition(":")
    if kind not in _BACKENDS:
        raise ScorerError(f"no scorer '{text}'; there is {', '.join(_USAGE.values())}")
    if bool(colon) != (":" in _USAGE[kind]) or bool(colon) != bool(place):
        raise ScorerError(f"scorer '{text}': expected {_USAGE[kind]}")
    try:
        return CheckedScorer(_BACKENDS[kind](text, place))
    except ImportError as error:
        raise ScorerError(
            f"scorer '{text}' needs {error.name or error}, which is not installed: pip install sim2real_ad[{EXTRA}]"
        ) from error


def calibration_path(text: str) -> Path:
    """Where a scorer's calibration lies if it has one: shipped, in the model's folder, or beside the chat's YAML."""
    kind, _, place = text.partition(":")
    if kind == "chat":
        return Path(place).with_suffix(f".{CALIBRATION_FILE}")
    return Path(place) / CALIBRATION_FILE if place else SHIPPED_CALIBRATION


def _load_lit(name: str, place: str) -> Scorer:
    from sim2real_ad.reward.scorers.lit import LitScorer

    return LitScorer()


def _load_clip(name: str, place: str) -> Scorer:
    from sim2real_ad.reward.scorers.clip import ClipScorer

    return ClipScorer(Path(place), name)


def _load_onnx(name: str, place: str) -> Scorer:
    from sim2real_ad.reward.scorers.onnx_dual import OnnxScorer

    return OnnxScorer(Path(place), name)


def _load_chat(name: str, place: str) -> Scorer:
    from sim2real_ad.reward.scorers.chat.scorer import open_chat_scorer

    return open_chat_scorer(Path(place), name)


_BACKENDS: dict[str, Callable[[str, str], Scorer]] = {
    DEFAULT_SCORER: _load_lit,
    "clip": _load_clip,
    "onnx": _load_onnx,
    "chat": _load_chat,
}
_USAGE = {DEFAULT_SCORER: DEFAULT_SCORER, "clip": "clip:FOLDER", "onnx": "onnx:FOLDER", "chat": "chat:CONFIG.yaml"}
