"""What a person outlined in photographs, and how far the adapter agrees with it in the picture itself."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim2real_ad.config import StrictModel, find_config, load_config
from sim2real_ad.evaluation.transfer import Overlap
from sim2real_ad.geometry.polygons import covered
from sim2real_ad.observation.perception import UNSEGMENTED, Perception
from sim2real_ad.observation.segments import SEGMENTS

Polygon = Annotated[tuple[tuple[float, float], ...], Field(min_length=3)]
"""Corners (x, y) in pixels of the photograph."""


class Outline(StrictModel):
    """Of one photograph. road: all that may be driven on, less the vehicles; ignored: what is not judged, as the road
    of the other direction or vehicles too far to tell."""

    road: tuple[Polygon, ...] = Field(min_length=1)
    vehicles: tuple[Polygon, ...] = ()
    ignored: tuple[Polygon, ...] = ()


class Outlines(StrictModel):
    """photographs: by file name, all of this width and height in pixels."""

    width: int = Field(ge=1)
    height: int = Field(ge=1)
    photographs: dict[str, Outline] = Field(min_length=1)


def load_outlines(name_or_path: str) -> Outlines:
    """Load outlines by name (config/outlines) or path. Raises ConfigError."""
    return load_config(find_config(name_or_path, "outlines"), Outlines)


class Agreement(StrictModel):
    """How outline and adapter overlap, in pixels of road and of vehicles."""

    road: Overlap = Overlap()
    vehicles: Overlap = Overlap()

    def __add__(self, other: Agreement) -> Agreement:
        return Agreement(road=self.road + other.road, vehicles=self.vehicles + other.vehicles)


def agreement(perception: Perception, outlines: Outlines, name: str) -> Agreement | None:
    """Compare a perception with the outline of its photograph; None where that has none, or is of another size.

    Road counts where the adapter tells how drivable a pixel is, vehicles wherever its level view reaches.
    """
    outline, shape = outlines.photographs.get(name), perception.drivable_image.shape
    if outline is None or shape != (outlines.height, outlines.width):
        return None
    vehicles, judged = covered(outline.vehicles, shape), ~covered(outline.ignored, shape)
    road = covered(outline.road, shape) & ~vehicles
    told = judged & np.isfinite(perception.drivable_image)
    seen = judged & (perception.segment_image != UNSEGMENTED)
    shown = perception.segment_image == SEGMENTS.index("vehicle")
    return Agreement(
        road=_overlap(perception.drivable_image > 0.5, road, told), vehicles=_overlap(shown, vehicles, seen)
    )


def describe_iou(overlap: Overlap) -> str:
    """Return the intersection over union, - where nobody claims a pixel."""
    return "-" if overlap.iou is None else f"{overlap.iou:.2f}"


def _overlap(guess: NDArray[np.bool_], truth: NDArray[np.bool_], where: NDArray[np.bool_]) -> Overlap:
    return Overlap(both=int((guess & truth & where).sum()), either=int(((guess | truth) & where).sum()))
