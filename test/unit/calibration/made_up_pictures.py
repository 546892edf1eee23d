"""Pictures of boards and roads by a camera that is known."""

from functools import lru_cache

import cv2
import numpy as np

from sim2real_ad.calibration.chessboard import Board
from sim2real_ad.calibration.mount import DriveFrame
from sim2real_ad.geometry.camera import CameraModel, CameraMount
from sim2real_ad.geometry.ground import ground_under_pixels

LENS = CameraModel(
    width=640, height=480, fx=520.0, fy=517.0, cx=325.0, cy=233.0, distortion=(-0.25, 0.06, 0.001, -0.0007, 0.0),
    mount=CameraMount(x=1.6, z=1.4),
)  # fmt: skip
ROAD_CAMERA = CameraModel.from_fov(640, 360, 60.0, CameraMount(x=1.6, z=1.45, pitch_deg=3.0, yaw_deg=0.8))
BOARD = Board(columns=9, rows=6, square=0.03)
BOARD_HALF = np.array([0.15, 0.105])
"""m that a board reaches to the sides of its middle."""
OVERSAMPLED = 3
SIDE = np.linspace(0.0, 1.0, 5)[:-1]
RING = np.array(
    [(s, 0) for s in SIDE] + [(1, s) for s in SIDE] + [(1 - s, 1) for s in SIDE] + [(0, 1 - s) for s in SIDE]
)
"""Round a field of the board."""


def picture_of_board(turn: np.ndarray, place: np.ndarray, lens: CameraModel = LENS, bend: float = 0.0) -> np.ndarray:
    """A board 0.3 m wide on grey. turn: Rodrigues vector; place: m in the camera; bend: m of its sheet's sagging."""
    large = lens.scaled(OVERSAMPLED * lens.width, OVERSAMPLED * lens.height)
    picture = np.full((large.height, large.width), 110, np.uint8)
    middle = np.array([BOARD.columns - 1, BOARD.rows - 1]) / 2.0
    # Black over white: a polygon is drawn a little too large, on all its sides alike, so corners stay in place.
    fields = [(c, r) for c in range(-2, BOARD.columns + 1) for r in range(-2, BOARD.rows + 1)]
    black = [(c, r) for c, r in fields if (c + r) % 2 == 0 and -1 <= c < BOARD.columns and -1 <= r < BOARD.rows]
    for shade, drawn in ((225, fields), (25, black)):
        for field in drawn:
            flat = (np.array(field) + RING - middle) * BOARD.square
            points = np.hstack((flat, bend * np.cos(np.pi * flat[:, :1] / 0.3)))
            pixels = cv2.projectPoints(points, turn, place, large.matrix(), np.array(large.distortion))[0][:, 0]
            cv2.fillConvexPoly(picture, np.round((pixels - 0.5) * 16).astype(np.int32), shade, cv2.LINE_AA, 4)
    small = cv2.resize(picture, (lens.width, lens.height), interpolation=cv2.INTER_AREA)
    noise = np.random.default_rng(0).normal(0.0, 2.0, small.shape)
    return np.repeat(np.clip(small + noise, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def board_pictures(
    count: int, lens: CameraModel = LENS, seed: int = 0, *, tilt: float = 0.6, spread: float = 1.0, bend: float = 0.0
):
    """Boards all over the picture, tilted to all sides."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        away = float(rng.uniform(0.45, 0.7))
        half = 0.5 * away * np.array([lens.width / lens.fx, lens.height / lens.fy])
        corner = np.array([(-1, -1), (1, -1), (-1, 1), (1, 1), (0, 0)][number % 5]) * rng.uniform(0.8, 1.0)
        place = np.array([*(spread * corner * np.maximum(half - BOARD_HALF, 0.0)), away])
        turn = rng.uniform(-tilt, tilt, 3) * (1.0, 1.0, 0.3)
        yield f"board{number}.png", picture_of_board(turn, place, lens, bend)


@lru_cache(maxsize=8)
def _ground(camera_json: str) -> tuple[np.ndarray, np.ndarray]:
    """Where each pixel looks on the ground (H, W, 2), and how wide it is there across (H, W), m."""
    camera = CameraModel.model_validate_json(camera_json)
    ground = ground_under_pixels(camera).astype(np.float64)
    return ground, np.hypot(ground[..., 0] - camera.mount.x, camera.mount.z) / camera.fx


_GRAIN = cv2.GaussianBlur(np.random.default_rng(7).normal(0.0, 1.0, (200, 2000)), (0, 0), 2.0)
GRAIN_CELL = 0.05


def road(
    camera: CameraModel, driven: float = 0.0, lines: tuple[float, ...] = (-5.2, -1.7, 1.8), *, grain: float = 8.0
) -> np.ndarray:
    """A grainy road with lines at these places to the left, m, the middle one broken, after so many m of driving."""
    ground, across = _ground(camera.model_dump_json())
    x, y = ground[..., 0] + driven, ground[..., 1]
    seen = np.isfinite(x)
    x, y, across = np.where(seen, x, 0.0), np.where(seen, y, 0.0), np.where(seen, across, 1.0)
    texture = _GRAIN[(y / GRAIN_CELL).astype(int) % 200, (x / GRAIN_CELL).astype(int) % 2000]
    bright = 90.0 + grain * texture / _GRAIN.std() * np.minimum(1.0, 2.0 * GRAIN_CELL / across)
    for number, line in enumerate(lines):
        paint = np.minimum(y + across / 2.0, line + 0.075) - np.maximum(y - across / 2.0, line - 0.075)
        covered = np.clip(paint / across, 0.0, 1.0) * ((number != 1) | (x % 12.0 < 6.0))
        bright += (230.0 - bright) * covered
    noise = np.random.default_rng(round(driven * 1000)).normal(0.0, 2.0, bright.shape)
    picture = np.where(seen, bright, 160.0) + noise
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def drive(
    camera: CameraModel, pairs: int = 16, *, speed: float = 10.0, apart_s: float = 0.05, **of_road
) -> list[DriveFrame]:
    """Pairs of pictures of driving straight, a second from pair to pair."""
    times = (pair + later for pair in range(pairs) for later in (0.0, apart_s))
    return [DriveFrame(t, road(camera, speed * t, **of_road), speed, 0.0, 0.0) for t in times]


def guessed(pitch: float = 0.0, yaw: float = 0.0, height: float = 1.0, **change: float) -> CameraModel:
    """The camera as somebody thinks that it sits."""
    mount = ROAD_CAMERA.mount
    off = {"pitch_deg": mount.pitch_deg + pitch, "yaw_deg": mount.yaw_deg + yaw, "z": round(mount.z * height, 3)}
    return ROAD_CAMERA.model_copy(update={"mount": mount.model_copy(update=off), **change})
