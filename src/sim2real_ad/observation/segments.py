"""What a part of a picture can show: the classes of the adapter's second output, in the picture instead of the BEV."""

from __future__ import annotations

SEGMENTS = (
    "other",
    "terrain",
    "pavement",
    "drivable",
    "vehicle",
    "lane_marking",
    "stop_line",
    "obstacle",
    "pedestrian",
)
"""Of several things in one block the later in this order counts, small ones last."""

BLOCK = 4
"""Pixels a side of one segment block."""

ROAD = ("drivable", "lane_marking", "stop_line")
"""Segments that are road surface."""
