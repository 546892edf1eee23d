"""What looks at a replay beside its figures: pictures for the report, and goals of language."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from sim2real_ad.evaluation.bev_picture import encode_png, paint_bev
from sim2real_ad.evaluation.keyframes import encode_jpeg
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.replay.report import ReplayPicture
from sim2real_ad.replay.stepping import Stepped
from sim2real_ad.types import ns_from_seconds

MOST_PICTURES = 150
FIRST_SPACING_NS = ns_from_seconds(0.25)


class Watcher(Protocol):
    """Sees every frame of a replay, in order."""

    def see(self, stepped: Stepped) -> None:
        """Take the next frame."""
        ...

    def facts(self) -> dict[str, Any]:
        """Return what it has to say for the summary, by field."""
        ...

    def left_out(self) -> list[str]:
        """Return what it could not judge, and why."""
        ...


class PictureWatcher:
    """Keeps evenly spaced pictures; never more than MOST_PICTURES, however long the bag is."""

    def __init__(self, spec: BevSpec) -> None:
        self._spec = spec
        self._spacing_ns = FIRST_SPACING_NS
        self.pictures: list[ReplayPicture] = []

    def see(self, stepped: Stepped) -> None:
        """Keep what is shown of a frame, if it is time for one."""
        if stepped.observation is None:
            return
        if self.pictures and 0 <= stepped.stamp_ns - self.pictures[-1].stamp_ns < self._spacing_ns:
            return
        rgb = None if stepped.frame is None else stepped.frame.rgb
        jpeg = b"" if rgb is None else encode_jpeg(np.ascontiguousarray(rgb[..., ::-1]))
        bev = encode_png(paint_bev(stepped.observation, self._spec))
        self.pictures.append(ReplayPicture(stepped.stamp_ns, jpeg, bev))
        if len(self.pictures) > MOST_PICTURES:
            self.pictures = self.pictures[::2]
            self._spacing_ns *= 2

    def facts(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def left_out(self) -> list[str]:
        """Say that there were no pictures."""
        return [] if self.pictures else ["pictures: the bag has none"]
