"""What the adapter believes of one photograph, from above: the BEV with its metres, its camera and its legend."""

from __future__ import annotations

import cv2
import numpy as np

from sim2real_ad.evaluation.bev_picture import COLOURS, UNKNOWN_COLOUR, UNSEEN, paint_layers
from sim2real_ad.evaluation.lettering import WHITE, text_size, write, write_legend
from sim2real_ad.observation.perception import FAMILIAR_OOD, Perception
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import UInt8Array

ENLARGE = 8
MARGIN, FOOT, HEAD = 64, 58, 52
GRID_M = 10.0
GRID_COLOUR = (110, 118, 130)
SCALE = 0.45
UNFAMILIAR = (255, 120, 90)


def paint_seen_bev(perception: Perception, spec: BevSpec, title: str) -> UInt8Array:
    """Draw a BEV enlarged, ahead up, with a grid in metres from base_link. RGB uint8; unseen cells are dark."""
    layers = np.round(perception.bev * 255.0).astype(np.uint8)
    validity = np.where(perception.validity, 255, 0).astype(np.uint8)
    small = paint_layers(layers, validity, spec.channels)
    small[~perception.validity] = UNSEEN
    bev = np.asarray(cv2.resize(small, None, fx=ENLARGE, fy=ENLARGE, interpolation=cv2.INTER_NEAREST), np.uint8)
    height, width = bev.shape[:2]
    page: UInt8Array = np.full((HEAD + height + FOOT, max(2 * MARGIN + width, 640), 3), UNSEEN, np.uint8)
    left = (page.shape[1] - width) // 2
    page[HEAD : HEAD + height, left : left + width] = bev
    _draw_grid(page, spec, left)
    _draw_car(page, spec, left)
    unfamiliar = perception.ood > FAMILIAR_OOD
    write(page, title, (12, 20), 0.5)
    verdict = "unfamiliar: do not trust" if unfamiliar else "familiar"
    text = f"ood {perception.ood:.2f} {verdict}; {perception.share_seen:.0%} of the cells seen"
    write(page, text, (12, 42), SCALE, UNFAMILIAR if unfamiliar else WHITE)
    entries = [(name.replace("_", " "), COLOURS.get(name, UNKNOWN_COLOUR)) for name in spec.channels]
    write_legend(page, entries, (12, page.shape[0] - 12), SCALE)
    return page


def _draw_grid(page: UInt8Array, spec: BevSpec, left: int) -> None:
    """Draw lines at whole tens of metres ahead and to the sides, each with its number."""
    _, rows, columns = spec.shape
    right, bottom = left + columns * ENLARGE, HEAD + rows * ENLARGE
    for ahead in _tens(spec.x_min, spec.x_max):
        y = round(HEAD + (spec.x_max - ahead) / spec.resolution * ENLARGE)
        cv2.line(page, (left, y), (right, y), GRID_COLOUR, 1)
        write(page, f"{ahead:g} m", (left - text_size(f"{ahead:g} m", SCALE)[0] - 6, y + 5), SCALE)
    for side in _tens(spec.y_min, spec.y_max):
        x = round(left + (spec.y_max - side) / spec.resolution * ENLARGE)
        cv2.line(page, (x, HEAD), (x, bottom), GRID_COLOUR, 1)
        text = f"{abs(side):g} m" + (" left" if side > 0 else " right" if side < 0 else "")
        write(page, text, (x - text_size(text, SCALE)[0] / 2, bottom + 16), SCALE)


def _draw_car(page: UInt8Array, spec: BevSpec, left: int) -> None:
    """Mark base_link, where the metres are counted from."""
    row, column = (spec.cells_from_base(np.zeros(2)) + 0.5) * ENLARGE
    foot = np.array([left + column, HEAD + row])
    arrow = np.array([(-7, 0), (7, 0), (0, -20)]) + foot
    cv2.fillPoly(page, [np.round(arrow).astype(np.int32)], WHITE, cv2.LINE_AA)


def _tens(low: float, high: float) -> list[float]:
    return [float(x) for x in np.arange(np.ceil(low / GRID_M), np.floor(high / GRID_M) + 1) * GRID_M]
