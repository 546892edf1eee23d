"""What is left out, one part at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sim2real_ad.errors import ConfigError
from sim2real_ad.training.ablation.stages import NO_ACTION_MAPPING, PROJECTION_ONLY
from sim2real_ad.training.config import TrainingConfig
from sim2real_ad.training.teacher.driver import SHIPPED

SHORT: Mapping[str, Any] = {
    "adapter": {"episodes": 600, "held_out_episodes": 20, "misfit_episodes": 40, "minutes": 8.0, "doubt_minutes": 0.5},
    "student": {
        "truth_rounds": 3, "truth_episodes": 24, "camera_rounds": 2, "camera_episodes": 20, "final_epochs": 12,
        "validation_episodes": 3,
    },
}  # fmt: skip
"""Changes that make a training short enough to be done again for every part."""
SHORT_NAME = "short"


class AdapterOf(Enum):
    """Whose adapter a student is taught over: the checkpoint's, that of the variant `short`, or one made for it."""

    CHECKPOINT = "checkpoint"
    SHORT = "short"
    ITSELF = "itself"


@dataclass(frozen=True)
class Variant:
    """One way to do without a part.

    without: see `stages`; phase_1: drive with a student that was taught on the true BEV alone, over the checkpoint's
    adapter; training: changes of the short training that makes it, None where there is none; adapter: over which one it
    is made.
    """

    name: str
    what: str
    without: str = ""
    phase_1: bool = False
    training: Mapping[str, Any] | None = field(default=None)
    adapter: AdapterOf = AdapterOf.CHECKPOINT


_ALL = (
    Variant("full", "nothing left out"),
    Variant("no_phase_2", "the student never saw the adapter's own output", phase_1=True),
    Variant(
        PROJECTION_ONLY, "no learned adapter: the segmented picture laid on flat ground; phase 1's student",
        without=PROJECTION_ONLY, phase_1=True,
    ),
    Variant(
        NO_ACTION_MAPPING, "raw pedals and steering: those of the car that was trained in", without=NO_ACTION_MAPPING
    ),
    Variant(
        SHORT_NAME, "nothing left out, the short training of the rows below", training={}, adapter=AdapterOf.ITSELF
    ),
    Variant(
        "no_history", "no earlier BEVs", training={"observation": {"history_s": []}}, adapter=AdapterOf.SHORT
    ),
    Variant(
        "no_randomization", "one nominal world, camera and sensor; no augmentation", training={"randomization": 0.0},
        adapter=AdapterOf.ITSELF,
    ),
)  # fmt: skip
VARIANTS: Mapping[str, Variant] = {variant.name: variant for variant in _ALL}
TEACHER = "teacher:"
"""Prefix of a variant whose student learns from the teacher in an .npz file, as another reward or algorithm made it."""


def variant_of(name: str) -> Variant:
    """Return a variant by name. Raises ConfigError naming those that there are."""
    if name.startswith(TEACHER):
        path = name.removeprefix(TEACHER)
        return taught_by(name, path, f"the student learned from {path}")
    if name not in VARIANTS:
        raise ConfigError(f"no ablation '{name}'; known: {', '.join(VARIANTS)}, {TEACHER}FILE.npz")
    return VARIANTS[name]


def taught_by(name: str, teacher: str, what: str) -> Variant:
    """Return the short training of a student, over the checkpoint's adapter. teacher: an .npz file, or "shipped"."""
    return Variant(name, what, training={"teacher": teacher})


def phase_1_training(base: TrainingConfig) -> TrainingConfig:
    """Return the base's training without phase 2: as many rounds on the degraded true BEV, and then none."""
    student = base.student.model_copy(update={"camera_rounds": 0})
    return base.model_copy(update={"teacher": SHIPPED, "student": student})


def short_training(base: TrainingConfig, variant: Variant) -> TrainingConfig:
    """Return the training that makes a variant: the base's, short, with the variant's changes.

    Every student learns from one teacher, the shipped one, but for the variant that names another.
    """
    data = base.model_dump()
    for changes in ({"teacher": SHIPPED}, SHORT, variant.training or {}):
        for key, value in changes.items():
            data[key] = {**data[key], **value} if isinstance(value, Mapping) else value
    return TrainingConfig.model_validate(data)
