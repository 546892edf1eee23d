"""The true BEV made to look like an adapter's: unseen cells empty, farther cells blurred, confidence below one."""

from __future__ import annotations

import cv2
import numpy as np

from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import UInt8Array


class DegradedTruth:
    """Degrades true BEVs; one object an episode, so that the degree stays the same through it."""

    def __init__(self, spec: BevSpec, validity: UInt8Array, random: np.random.Generator) -> None:
        """validity (H, W): 255 where the camera sees the cell."""
        self._seen = validity > 0
        ahead = spec.cell_centres()[..., 0]
        self._far = np.clip((ahead - random.uniform(5.0, 20.0)) / 30.0, 0.0, 1.0)[..., None].astype(np.float32)
        self._sigma = float(random.uniform(0.8, 2.2))
        self._gain = random.uniform(0.8, 1.0)

    def step(self, bev: UInt8Array) -> UInt8Array:
        """Return the degraded BEV (C, H, W) uint8 of a true one."""
        sharp = np.ascontiguousarray(np.moveaxis(bev, 0, -1)).astype(np.float32)
        near, far = cv2.GaussianBlur(sharp, (0, 0), 0.5), cv2.GaussianBlur(sharp, (0, 0), self._sigma)
        mixed = (near + (far - near) * self._far) * self._gain * self._seen[..., None]
        return np.ascontiguousarray(np.moveaxis(mixed, -1, 0)).astype(np.uint8)
