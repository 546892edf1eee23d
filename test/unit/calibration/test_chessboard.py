"""Lenses from chessboards: made-up ones whose lens is known, poor ones, and real ones."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from made_up_pictures import BOARD, LENS, board_pictures, picture_of_board

from sim2real_ad.calibration.chessboard import Board, calibrate_lens, find_board
from sim2real_ad.calibration.fragments import camera_text, write_new
from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import CameraMount, load_camera

MOUNT = CameraMount(x=1.7, z=1.3, pitch_deg=2.0)
REAL_ROAD = Path(os.environ.get("S2R_REAL_ROAD", Path(__file__).resolve().parents[4] / "shared" / "data" / "real_road"))


@pytest.fixture(scope="module")
def pictures():
    return list(board_pictures(15))


@settings(max_examples=3, phases=[Phase.generate])
@given(st.floats(420.0, 700.0), st.floats(-0.3, 0.0), st.floats(-20.0, 20.0))
def test_a_known_lens_comes_back(focal, barrel, off):
    truth = LENS.model_copy(
        update={"fx": focal, "fy": focal * 1.01, "cx": 320.0 + off, "distortion": (barrel, 0.05, 0.0, 0.0, 0.0)}
    )
    found = calibrate_lens(board_pictures(12, truth), BOARD, MOUNT)
    assert found.fx.value == pytest.approx(truth.fx, rel=0.01)
    assert found.fy.value == pytest.approx(truth.fy, rel=0.01)
    assert (found.cx.value, found.cy.value) == pytest.approx((truth.cx, truth.cy), abs=4.0)
    assert found.camera.distortion[0] == pytest.approx(barrel, abs=0.03)
    assert found.rms < 0.3


def test_intervals_hold_the_truth_and_the_mount_stays_as_it_was(pictures):
    found = calibrate_lens(pictures, BOARD, MOUNT)
    assert found.fx.half_width < 0.03 * LENS.fx
    assert found.fx.low - 2.0 <= LENS.fx <= found.fx.high + 2.0
    assert found.camera.mount == MOUNT
    assert found.coverage > 0.6
    assert found.dropped == {}


def test_corners_are_found_to_a_fraction_of_a_pixel():
    turn, place = np.array([0.2, -0.3, 0.1]), np.array([0.02, 0.0, 0.5])
    view = find_board("one", picture_of_board(turn, place), BOARD)
    middle = np.array([BOARD.columns - 1, BOARD.rows - 1, 0.0]) / 2.0 * BOARD.square
    exact = cv2.projectPoints(BOARD.corners() - middle, turn, place, LENS.matrix(), np.array(LENS.distortion))[0][:, 0]
    missing = np.linalg.norm(view.corners[:, None] - exact[None], axis=-1).min(axis=1)
    assert missing.max() < 0.2


def test_what_does_not_belong_is_left_out_and_told(pictures):
    blank = np.full((480, 640, 3), 100, np.uint8)
    large = cv2.resize(pictures[0][1], (960, 720))
    # A mirror turns the board's corners round another lens.
    stretched = cv2.resize(pictures[1][1][:, :480], (640, 480))
    found = calibrate_lens(
        [*pictures, ("blank.png", blank), ("large.png", large), ("stretched.png", stretched)], BOARD, MOUNT
    )
    assert "no whole board of 9x6" in found.dropped["blank.png"]
    assert "960x720, the others are 640x480" in found.dropped["large.png"]
    assert found.fx.value == pytest.approx(LENS.fx, rel=0.01)
    told = "\n".join(found.lines())
    assert "left out: blank.png" in told
    assert "px RMS" in told


@pytest.mark.parametrize(
    ("pictures", "reason"),
    [
        (lambda: [("blank.png", np.zeros((480, 640, 3), np.uint8))], "none of 1 pictures shows a whole board"),
        (lambda: board_pictures(4), "too few pictures: 4 of use"),
        (lambda: board_pictures(10, spread=0.0), "coverage too thin"),
        (lambda: board_pictures(10, bend=0.02), "residual too great"),
    ],
)
def test_poor_pictures_are_refused_with_the_reason(pictures, reason):
    with pytest.raises(CalibrationError, match=reason):
        calibrate_lens(pictures(), BOARD, MOUNT)


def test_the_result_is_a_camera_of_ours(pictures, tmp_path):
    found = calibrate_lens(pictures, BOARD, MOUNT)
    write_new(tmp_path / "mine.yaml", camera_text(found.camera, found.lines()))
    assert load_camera(str(tmp_path / "mine.yaml")) == found.camera


def test_real_boards_give_the_lens_that_the_project_drives_with():
    folder = REAL_ROAD / "calibration"
    files = sorted(folder.glob("*.jpg"))
    if not files:
        pytest.skip(f"no pictures of boards in {folder}; S2R_REAL_ROAD names another folder")
    pictures = ((file.name, cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)) for file in files)
    found = calibrate_lens(pictures, Board(columns=9, rows=6, square=0.025), MOUNT)
    shipped = load_camera("dashcam_1280x720")
    assert len(found.used) >= 14
    assert found.rms < 1.0
    assert found.fx.value == pytest.approx(shipped.fx, rel=0.01)
    assert found.fy.value == pytest.approx(shipped.fy, rel=0.01)
    assert found.fx.half_width < 0.05 * found.fx.value
    assert (found.cx.value, found.cy.value) == pytest.approx((shipped.cx, shipped.cy), abs=10.0)
