"""A lens's intrinsics and distortion from pictures of a chessboard (Zhang 2000, IEEE PAMI 22:1330-1334; OpenCV)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from sim2real_ad.calibration.estimate import Estimate, student_95
from sim2real_ad.config import StrictModel
from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import CameraModel, CameraMount
from sim2real_ad.geometry.ground import rays_in_base
from sim2real_ad.types import UInt8Array

Floats = NDArray[np.float64]

LEAST_PICTURES = 8
LEAST_COVERAGE = 0.6
"""Share of the COVERAGE_GRID's fields, columns by rows, in which a corner must have been seen."""
COVERAGE_GRID = (6, 4)
WORST_RMS = 1.5
"""Pixels of reprojection error at REFERENCE_WIDTH, above which a board was bent, moved or mistaken."""
REFERENCE_WIDTH = 1280
OUTLYING, OUTLYING_RMS = 2.5, 0.5
"""A picture is dropped where its error is beyond so many medians, and beyond so many pixels."""
MOST_DROPPED = 0.3
WORST_FOCAL = 0.05
"""Greatest relative half width of the focal lengths' intervals."""
GROUPS = 20
"""At most so many groups of pictures are left out in turn for the intervals."""
SUBPIXEL_SHARE = 0.4
"""Half of the window of the sub-pixel search, as a share of the least distance between corners."""
SUBPIXEL_WINDOW = (2, 11)
SUBPIXEL_END = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 40, 1e-3)
NAMES = ("fx", "fy", "cx", "cy")


class Board(StrictModel):
    """A chessboard. columns, rows: of inner corners; square: side of a field in m."""

    columns: int = Field(ge=3, le=50)
    rows: int = Field(ge=3, le=50)
    square: float = Field(gt=0.0, le=1.0)

    def corners(self) -> NDArray[np.float32]:
        """Return the inner corners on the board, (rows * columns, 3) m."""
        across, down = np.meshgrid(np.arange(self.columns), np.arange(self.rows))
        flat = np.column_stack((across.ravel(), down.ravel(), np.zeros(across.size)))
        return (self.square * flat).astype(np.float32)


class LensCalibration(StrictModel):
    """camera: with the mount that was given; fx, fy, cx, cy: pixels; rms: reprojection error in pixels; coverage: share
    of the picture in which corners were seen; used: pictures; dropped: pictures and why."""

    camera: CameraModel
    fx: Estimate
    fy: Estimate
    cx: Estimate
    cy: Estimate
    rms: float
    coverage: float
    used: tuple[str, ...]
    dropped: dict[str, str]
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return what is told to the user, a line a fact."""
        return [
            f"{len(self.used)} pictures of {self.camera.width}x{self.camera.height}, corners in {self.coverage:.0%} of "
            f"the picture, reprojection error {self.rms:.2f} px RMS",
            *(f"{name} {getattr(self, name).text('px', 1)}" for name in NAMES),
            "distortion " + ", ".join(f"{value:.4f}" for value in self.camera.distortion),
            *(f"left out: {name}: {reason}" for name, reason in self.dropped.items()),
            *self.notes,
        ]


@dataclass(frozen=True)
class BoardView:
    """The corners (N, 2) in px of one picture of a size (width, height)."""

    name: str
    size: tuple[int, int]
    corners: NDArray[np.float32]


@dataclass(frozen=True)
class _Lens:
    """A solution. matrix: (3, 3); distortion: (5,); rms and errors of each view (V,): px."""

    matrix: Floats
    distortion: Floats
    rms: float
    errors: Floats

    @property
    def numbers(self) -> Floats:
        """fx, fy, cx, cy."""
        return np.array([self.matrix[0, 0], self.matrix[1, 1], self.matrix[0, 2], self.matrix[1, 2]])


def find_board(name: str, picture: UInt8Array, board: Board) -> BoardView | None:
    """Find a board's corners to sub-pixels in a picture (H, W, 3) RGB or (H, W) grey; None where not all are seen."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if picture.ndim == 3 else picture
    flags = cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE | cv2.CALIB_CB_FAST_CHECK
    found, corners = cv2.findChessboardCorners(grey, (board.columns, board.rows), None, flags)
    if not found:
        return None
    grid = np.asarray(corners, np.float32).reshape(board.rows, board.columns, 2)
    nearest = min(float(np.linalg.norm(np.diff(grid, axis=axis), axis=-1).min()) for axis in (0, 1))
    half = int(np.clip(round(SUBPIXEL_SHARE * nearest), *SUBPIXEL_WINDOW))
    refined = cv2.cornerSubPix(grey, corners, (half, half), (-1, -1), SUBPIXEL_END)
    # OpenCV counts from the middle of the first pixel, the camera model from its corner.
    in_picture = np.asarray(refined, np.float32).reshape(-1, 2) + np.float32(0.5)
    return BoardView(name, (grey.shape[1], grey.shape[0]), in_picture)


def calibrate_lens(pictures: Iterable[tuple[str, UInt8Array]], board: Board, mount: CameraMount) -> LensCalibration:
    """Calibrate a lens from named pictures of a board. mount: goes into the camera as it is.

    Pictures without the whole board, of another size, or with outlying errors are left out and told. Raises
    CalibrationError with the reason where the rest does not do.
    """
    views, dropped = _views(pictures, board)
    _check_count(views, dropped)
    flags = 0
    lens = _solve(views, board, flags)
    notes: tuple[str, ...] = ()
    if not _goes_both_ways(_camera(lens, views[0].size, mount)):
        flags = cv2.CALIB_FIX_K3
        notes = ("k3 left at 0: with it the lens could not be undone up to the picture's corners",)
        lens = _solve(views, board, flags)
    while (worst := _outlying(lens)) is not None:
        dropped[views[worst].name] = f"reprojection error {lens.errors[worst]:.2f} px, the others' is lower"
        views = [view for place, view in enumerate(views) if place != worst]
        _check_count(views, dropped)
        lens = _solve(views, board, flags)
    result = _result(lens, views, dropped, mount, _half_widths(views, board, flags), notes)
    _check(result)
    return result


def _views(pictures: Iterable[tuple[str, UInt8Array]], board: Board) -> tuple[list[BoardView], dict[str, str]]:
    """Return the views of the usual size, and why the others are left out."""
    dropped: dict[str, str] = {}
    found: list[BoardView] = []
    for name, picture in pictures:
        view = find_board(name, picture, board)
        if view is None:
            dropped[name] = f"no whole board of {board.columns}x{board.rows} inner corners"
        else:
            found.append(view)
    if not found:
        raise CalibrationError(
            f"none of {len(dropped)} pictures shows a whole board of {board.columns}x{board.rows} inner corners"
        )
    usual = Counter(view.size for view in found).most_common(1)[0][0]
    for view in found:
        if view.size != usual:
            dropped[view.name] = f"{view.size[0]}x{view.size[1]}, the others are {usual[0]}x{usual[1]}"
    return [view for view in found if view.size == usual], dropped


def _check_count(views: list[BoardView], dropped: Mapping[str, str]) -> None:
    if len(views) < LEAST_PICTURES:
        reasons = "".join(f"; {name}: {reason}" for name, reason in dropped.items())
        raise CalibrationError(f"too few pictures: {len(views)} of use; {LEAST_PICTURES} is the least{reasons}")


def _solve(views: list[BoardView], board: Board, flags: int) -> _Lens:
    on_board = [board.corners()] * len(views)
    in_picture = [view.corners for view in views]
    try:
        rms, matrix, distortion, *_, errors = cv2.calibrateCameraExtended(
            on_board, in_picture, views[0].size, None, None, flags=flags
        )
    except cv2.error as error:
        raise CalibrationError(f"the boards do not determine a lens: {error.err}") from error
    return _Lens(
        np.asarray(matrix, np.float64), np.asarray(distortion, np.float64).reshape(-1)[:5], float(rms), errors.ravel()
    )


def _outlying(lens: _Lens) -> int | None:
    worst = int(np.argmax(lens.errors))
    limit = max(OUTLYING * float(np.median(lens.errors)), OUTLYING_RMS)
    return worst if lens.errors[worst] > limit else None


def _half_widths(views: list[BoardView], board: Board, flags: int) -> Floats:
    """Return the half widths of the 95 % intervals of fx, fy, cx, cy: a jackknife over groups of pictures.

    The corners of one picture err together (a bent board, blur), so they count as one.
    """
    groups = min(GROUPS, len(views))
    parts = [_solve([v for n, v in enumerate(views) if n % groups != g], board, flags).numbers for g in range(groups)]
    variance = (groups - 1) * np.var(parts, axis=0)
    return np.asarray(student_95(groups - 1) * np.sqrt(variance))


def _camera(lens: _Lens, size: tuple[int, int], mount: CameraMount) -> CameraModel:
    fx, fy, cx, cy = np.round(lens.numbers, 2).tolist()
    k1, k2, p1, p2, k3 = np.round(lens.distortion, 5).tolist()
    width, height = size
    if not (fx > 1.0 and fy > 1.0 and 0.0 < cx < width and 0.0 < cy < height):
        raise CalibrationError(
            f"impossible lens: focal lengths {fx}, {fy}, principal point {cx}, {cy} in {width}x{height}; tilt the "
            "board more, and to all sides"
        )
    return CameraModel(
        width=width, height=height, fx=fx, fy=fy, cx=cx, cy=cy, distortion=(k1, k2, p1, p2, k3), mount=mount
    )


def _goes_both_ways(camera: CameraModel) -> bool:
    """Tell whether every edge pixel's ray is projected back into the pixel."""
    sides = np.stack(np.meshgrid(np.linspace(0.0, 1.0, 33), (0.0, 1.0)), axis=-1).reshape(-1, 2)
    pixels = 1.0 + np.concatenate((sides, sides[:, ::-1])) * (camera.width - 2.0, camera.height - 2.0)
    level = camera.model_copy(update={"mount": CameraMount(x=0.0, z=1.0)})
    back, seen = level.project(np.add(rays_in_base(level, pixels), (0.0, 0.0, 1.0)))
    return bool(seen.all() and np.abs(back - pixels).max() < 0.5)


def _coverage(views: list[BoardView]) -> float:
    """Return the share of the grid's fields in which a corner was seen."""
    corners = np.concatenate([view.corners / view.size for view in views])
    fields = np.clip((corners * COVERAGE_GRID).astype(int), 0, np.array(COVERAGE_GRID) - 1)
    return len({tuple(field) for field in fields.tolist()}) / math.prod(COVERAGE_GRID)


def _result(
    lens: _Lens,
    views: list[BoardView],
    dropped: dict[str, str],
    mount: CameraMount,
    half_widths: Floats,
    notes: tuple[str, ...],
) -> LensCalibration:
    estimates = {
        name: Estimate(value=value, half_width=half_width)
        for name, value, half_width in zip(NAMES, lens.numbers.tolist(), half_widths.tolist(), strict=True)
    }
    return LensCalibration(
        camera=_camera(lens, views[0].size, mount),
        **estimates,
        rms=lens.rms,
        coverage=_coverage(views),
        used=tuple(view.name for view in views),
        dropped=dropped,
        notes=notes,
    )


def _check(result: LensCalibration) -> None:
    worst = WORST_RMS * result.camera.width / REFERENCE_WIDTH
    if result.rms > worst:
        raise CalibrationError(
            f"residual too great: reprojection error {result.rms:.2f} px RMS, {worst:.2f} is the most: is the board "
            "flat and of the size that was given, are the pictures sharp?"
        )
    outlying = [name for name, reason in result.dropped.items() if reason.startswith("reprojection")]
    if len(outlying) > MOST_DROPPED * (len(result.used) + len(outlying)):
        raise CalibrationError(f"residual too great: {len(outlying)} pictures do not agree with the others")
    if result.coverage < LEAST_COVERAGE:
        raise CalibrationError(
            f"coverage too thin: corners in {result.coverage:.0%} of the picture, {LEAST_COVERAGE:.0%} is the least; "
            "hold the board into the edges and corners, too"
        )
    for name in ("fx", "fy"):
        focal = getattr(result, name)
        if focal.half_width > WORST_FOCAL * focal.value:
            raise CalibrationError(
                f"{name} {focal.text('px', 1)} is too uncertain ({WORST_FOCAL:.0%} is the most): tilt the board more, "
                "and to all sides"
            )
