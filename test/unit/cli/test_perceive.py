import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from sim2real_ad.cli import main
from sim2real_ad.evaluation.bev_picture import ROUTE
from sim2real_ad.geometry.camera import load_camera

KEYS = {"bev", "validity", "drivable_image", "segment_image", "ood", "pitch_deg", "channels", "segments"}


def scene(width: int = 320, height: int = 180) -> np.ndarray:
    """A grey road between green verges under a blue sky, horizon where the default camera has it."""
    rgb = np.empty((height, width, 3), np.uint8)
    rgb[:] = (90, 130, 70)
    horizon = round(height * 79 / 180)
    rgb[:horizon] = (150, 190, 230)
    corners = [(width // 2, horizon), (width * 2 // 5 * -1, height), (width * 7 // 5, height)]
    cv2.fillPoly(rgb, [np.array(corners)], (95, 95, 98))
    noise = np.random.default_rng(0).normal(0.0, 4.0, rgb.shape)
    return np.clip(rgb + noise, 0, 255).astype(np.uint8)


def save(path: Path, rgb: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), rgb[..., ::-1])
    return path


def perceive(*arguments: object) -> int:
    return main.run(["perceive", *map(str, arguments)])


def test_each_photograph_leaves_an_overlay_a_bev_and_arrays(tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    save(photos / "one.png", scene())
    save(photos / "two.jpg", scene())
    lone, out = save(tmp_path / "three.png", scene()), tmp_path / "deep" / "out"
    assert perceive(photos, lone, "--camera", "default", "--out", out) == 0
    stems = ("one", "two", "three")
    assert {p.name for p in out.iterdir()} == {f"{s}{e}" for s in stems for e in (".npz", "_overlay.png", "_bev.png")}
    with np.load(out / "one.npz") as arrays:
        assert set(arrays.files) == KEYS
        bev, validity, drivable = arrays["bev"], arrays["validity"], arrays["drivable_image"]
        assert bev.dtype == np.float32
        assert bev.shape == (len(arrays["channels"]), *validity.shape)
        assert drivable.shape == (180, 320)
        assert np.isnan(drivable[:60]).all()
        assert np.isfinite(drivable[150, 160])
        shown = arrays["segment_image"]
        assert shown.shape == (180, 320)
        assert set(np.unique(shown)) <= {*range(len(arrays["segments"])), 255}
        assert abs(float(arrays["pitch_deg"])) < 10.0
        assert arrays["ood"].shape == ()
        assert 0.0 <= float(arrays["ood"]) <= 1.0
    table = capsys.readouterr().out
    for word in ("one.png", "two.jpg", "three.png", "ood", "share seen", "pitch error"):
        assert word in table


def test_outlined_photographs_are_compared_with_their_outlines(tmp_path, capsys):
    photo, other = save(tmp_path / "road.png", scene()), save(tmp_path / "other.png", scene())
    road = [[[0, 179], [160, 80], [319, 179]]]
    outlines = tmp_path / "outlines.yaml"
    outlines.write_text(yaml.safe_dump({"width": 320, "height": 180, "photographs": {"road.png": {"road": road}}}))
    given = (photo, other, "--camera", "default", "--outlines", outlines, "--out", tmp_path / "out")
    assert perceive(*given) == 0
    table = capsys.readouterr().out
    line = next(line for line in table.splitlines() if "1 outlined" in line)
    assert 0.5 < float(line.split("│")[5]) <= 1.0
    for word in ("road IoU", "vehicle IoU"):
        assert word in table


def test_outlines_of_other_photographs_are_told_and_change_nothing(tmp_path, capsys):
    photo = save(tmp_path / "road.png", scene())
    assert perceive(photo, "--camera", "default", "--outlines", "carnd_960x540", "--out", tmp_path / "out") == 0
    out, err = capsys.readouterr()
    assert "none of these photographs is outlined in carnd_960x540: 960x540 pixels, p1_solidWhiteCurve.jpg" in err
    assert "road IoU" not in out


def test_the_overlay_has_the_photographs_size_and_shows_where_it_would_drive(tmp_path):
    photo = save(tmp_path / "road.png", scene())
    assert perceive(photo, "--camera", "default", "--out", tmp_path / "out") == 0
    overlay = cv2.imread(str(tmp_path / "out" / "road_overlay.png"))[..., ::-1].astype(int)
    drivable = np.load(tmp_path / "out" / "road.npz")["drivable_image"]
    assert overlay.shape == (180, 320, 3)
    likely, unlikely = drivable > 0.9, drivable < 0.1
    assert likely.sum() > 500
    assert unlikely.sum() > 500
    towards = np.abs(scene().astype(int) - ROUTE).sum(axis=-1) - np.abs(overlay - ROUTE).sum(axis=-1)
    assert np.median(towards[likely]) > 40 > abs(np.median(towards[unlikely]))


def test_on_the_own_car_nothing_is_perceived_and_the_overlay_shows_its_outline(tmp_path):
    outline = [[0, 140], [319, 140], [319, 180], [0, 180]]
    camera = tmp_path / "camera.yaml"
    camera.write_text(yaml.safe_dump(load_camera("default").model_dump(mode="json") | {"own_body": outline}))
    photo = save(tmp_path / "road.png", scene())
    for name, chosen in (("free", "default"), ("hidden", camera)):
        assert perceive(photo, "--camera", chosen, "--out", tmp_path / name) == 0
    with np.load(tmp_path / "hidden" / "road.npz") as hidden, np.load(tmp_path / "free" / "road.npz") as free:
        assert np.isnan(hidden["drivable_image"][142:]).all()
        assert np.isfinite(hidden["drivable_image"][130, 160])
        assert np.isfinite(free["drivable_image"][150, 160])
        assert hidden["validity"].sum() < free["validity"].sum()
    overlays = [cv2.imread(str(tmp_path / name / "road_overlay.png")).astype(int) for name in ("free", "hidden")]
    assert overlays[1][140, 40:280].mean() > 1.3 * overlays[0][140, 40:280].mean(), "a white line"


def test_lane_lines_tell_how_the_camera_sits_against_its_calibration(tmp_path, capsys):
    rgb = scene()
    for side in (-1.8, 1.8):
        points = np.array([(x, side + w, 0.0) for x, w in ((5.0, 0.15), (60.0, 0.15), (60.0, -0.15), (5.0, -0.15))])
        corners = load_camera("default").project(points)[0]
        cv2.fillConvexPoly(rgb, np.round(corners * 16).astype(np.int32), (240, 240, 240), cv2.LINE_AA, 4)
    assert perceive(save(tmp_path / "lanes.png", rgb), "--camera", "default", "--out", tmp_path / "out") == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if "lanes.png" in line)
    error = float(row.split("│")[4].split("±")[0])
    assert abs(error) < 0.4


def test_one_bad_image_is_reported_and_the_others_go_on(tmp_path, capsys):
    good, small = save(tmp_path / "good.png", scene()), save(tmp_path / "small.png", scene(160, 120))
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(save(tmp_path / "whole.jpg", scene()).read_bytes()[:4000])
    missing = tmp_path / "missing.png"
    out = tmp_path / "out"
    assert perceive(broken, missing, small, good, "--camera", "default", "--out", out) == 1
    said = capsys.readouterr()
    errors = said.err.splitlines()
    assert len(errors) == 3
    assert "broken.jpg" in errors[0]
    assert "missing.png" in errors[1]
    assert "small.png" in errors[2]
    assert "160x120, the calibration default is for 320x180" in errors[2]
    assert {p.name for p in out.iterdir()} == {"good.npz", "good_overlay.png", "good_bev.png"}
    assert "3 not perceived" in said.out


def camera_file(folder: Path, **changes: object) -> Path:
    path = folder / "camera.yaml"
    path.write_text(yaml.safe_dump({**load_camera("default").model_dump(mode="json"), **changes}))
    return path


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"fx": -5.0}, ("fx", "-5.0")),
        ({"fx": float("nan")}, ("fx", "nan")),
        ({"cx": 900.0}, ("principal point", "900.0")),
        ({"mount": {"x": 1.6, "z": -1.0}}, ("mount.z", "-1.0")),
        ({"mount": {"x": 1.6, "z": 1.4, "pitch_deg": -44.0}}, ("sees no ground", "pitch_deg=-44.0")),
        ({"lens": "wide"}, ("lens",)),
    ],
)
def test_a_camera_with_impossible_numbers_is_one_line_that_names_them(tmp_path, capsys, changes, names):
    photo, camera = save(tmp_path / "a.png", scene()), camera_file(tmp_path, **changes)
    assert perceive(photo, "--camera", camera, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(camera) in error
    for name in names:
        assert name in error
    assert not (tmp_path / "out").exists()


def test_nothing_found_an_unreadable_checkpoint_and_a_folder_for_both_ends_are_one_line_each(tmp_path, capsys):
    photos, empty, out = tmp_path / "photos", tmp_path / "empty", tmp_path / "out"
    photos.mkdir()
    empty.mkdir()
    save(photos / "a.png", scene())
    for arguments, message in (
        ((empty, "--out", out), f"no photograph found in {empty}"),
        ((photos, "--out", out, "--checkpoint", empty), f"{empty}/checkpoint.yaml"),
        ((photos, "--out", photos), "also a folder of photographs"),
        ((photos, "--out", photos / "a.png"), "a.png cannot be made"),
    ):
        assert perceive(*arguments, "--camera", "default") == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert message in error
    assert not out.exists()


def test_it_needs_neither_torch_nor_ros_nor_a_world(tmp_path):
    photo = save(tmp_path / "a.png", scene())
    script = (
        "import sys; from sim2real_ad.cli import main; "
        f"status = main.run(['perceive', {str(photo)!r}, '--camera', 'default', '--out', {str(tmp_path / 'o')!r}]); "
        "heavy = {'torch', 'rclpy', 'carla', 'panda3d', 'gymnasium', 'sim2real_ad.world', 'sim2real_ad.training'}"
        " & set(sys.modules); assert not heavy, heavy; sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
