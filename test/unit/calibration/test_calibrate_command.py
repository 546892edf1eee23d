"""`s2r calibrate`, on small bags, folders of pictures and videos."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from made_up_bags import (
    DRIVER,
    MODE,
    ODOMETRY,
    PICTURE,
    VELOCITY,
    DriveBag,
    driver,
    mode,
    odometry,
    picture,
    velocity,
    write_signals,
)
from made_up_drives import SALOON, commanded_drive, pedal_drive, winding_drive
from made_up_pictures import LENS, ROAD_CAMERA, board_pictures, drive, guessed

from sim2real_ad.calibration.fragments import camera_text
from sim2real_ad.calibration.signals import Series, Signals
from sim2real_ad.cli._calibration_signals import BagChoice, parse_fields, read_signals
from sim2real_ad.cli.main import run
from sim2real_ad.control.pedal_map import PedalMap, read_pedal_table
from sim2real_ad.errors import ConfigError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.vehicle.profile import load_vehicle
from sim2real_ad.world.randomization import DynamicsScale

CHOICE = BagChoice(SALOON, {}, {})


@pytest.fixture(scope="module")
def bends(tmp_path_factory) -> Path:
    return write_signals(tmp_path_factory.mktemp("bends") / "bag", winding_drive(DynamicsScale()))


@pytest.fixture(scope="module")
def commanded() -> Signals:
    return commanded_drive(DynamicsScale(), 40.0)


def fails(capsys, *arguments: object) -> str:
    assert run(["calibrate", *map(str, arguments)]) == 2
    return capsys.readouterr().err


def test_the_steering_ratio_comes_from_a_bag_and_fits_a_profile(bends, tmp_path, capsys):
    out = tmp_path / "steering.yaml"
    signal = "steering_wheel_angle=/wheel:vector.x*0.017453293"
    assert run(["calibrate", "steering", str(bends), "--signal", signal, "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "steering ratio 16.2" in told
    assert f"written: {out}" in told
    text = out.read_text(encoding="utf-8")
    assert "# steering ratio 16.2" in text
    merged = SALOON.model_dump() | yaml.safe_load(text)
    profile = tmp_path / "mine.yaml"
    profile.write_text(yaml.safe_dump(merged), encoding="utf-8")
    assert load_vehicle(str(profile)).understeer_gradient == pytest.approx(SALOON.understeer_gradient, rel=0.05)


def test_delays_and_lags_come_from_a_bag(commanded, tmp_path, capsys):
    bag = write_signals(tmp_path / "bag", commanded)
    out = tmp_path / "actuators.yaml"
    assert run(["calibrate", "actuators", str(bag), "--out", str(out)]) == 0
    assert "commands are placed when they were recorded" in capsys.readouterr().out
    merged = SALOON.model_dump() | yaml.safe_load(out.read_text(encoding="utf-8"))
    found = type(SALOON).model_validate(merged)
    for name in ("steering", "acceleration"):
        truth = getattr(SALOON, name)
        assert getattr(found, name).delay_s == pytest.approx(truth.delay_s, abs=0.006)
        assert getattr(found, name).lag_s == pytest.approx(truth.lag_s, rel=0.06)


def test_commands_of_a_simulation_are_placed_by_their_stamps(commanded, tmp_path, capsys):
    bag = write_signals(tmp_path / "bag", commanded, clock_off_s=1e6)
    assert run(["calibrate", "actuators", str(bag), "--only", "steering"]) == 0
    assert "by their stamps" in capsys.readouterr().out


def test_pedal_maps_come_from_a_bag_as_files_of_a_profile(tmp_path, capsys):
    bag = write_signals(tmp_path / "bag", pedal_drive(DynamicsScale(), 150.0))
    assert run(["calibrate", "pedals", str(bag), "--out", str(tmp_path / "van")]) == 0
    assert "accel map: pedal to 0." in capsys.readouterr().out
    accel = read_pedal_table(tmp_path / "van_accel_map.csv", rising=True)
    brake = read_pedal_table(tmp_path / "van_brake_map.csv", rising=False)
    fragment = yaml.safe_load((tmp_path / "van.yaml").read_text(encoding="utf-8"))
    assert fragment == {"accel_map": "van_accel_map.csv", "brake_map": "van_brake_map.csv"}
    maps = PedalMap(accel, brake)
    assert maps.acceleration(0.4, 0.0, 6.0) == pytest.approx(
        PedalMap.load(SALOON).acceleration(0.4, 0.0, 6.0), rel=0.05
    )


def test_a_lens_comes_from_a_folder_of_pictures(tmp_path, capsys):
    folder = tmp_path / "boards"
    folder.mkdir()
    for name, rgb in board_pictures(10):
        cv2.imwrite(str(folder / name), rgb)
    out = tmp_path / "camera.yaml"
    arguments = ["calibrate", "camera", "--boards", str(folder), "--square", "0.03", "--camera", "target_van"]
    assert run([*arguments, "--out", str(out)]) == 0
    assert "the mount is that of 'target_van'" in capsys.readouterr().out
    found = load_camera(str(out))
    assert found.fx == pytest.approx(LENS.fx, rel=0.01)
    assert found.mount == load_camera("target_van").mount


def test_a_mount_comes_from_a_video(tmp_path, capsys):
    video = tmp_path / "drive.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"MJPG"), 2.0, (ROAD_CAMERA.width, ROAD_CAMERA.height))
    for frame in drive(ROAD_CAMERA, 9):
        writer.write(np.ascontiguousarray(frame.rgb[..., ::-1]))
    writer.release()
    start = tmp_path / "start.yaml"
    start.write_text(camera_text(guessed(1.0, 0.0, 0.9), []), encoding="utf-8")
    out = tmp_path / "camera.yaml"
    arguments = ["calibrate", "camera", "--drive", str(video), "--camera", str(start), "--lane-width", "3.5"]
    assert run([*arguments, "--out", str(out)]) == 0
    assert "no odometry" in capsys.readouterr().out
    assert load_camera(str(out)).mount.pitch_deg == pytest.approx(ROAD_CAMERA.mount.pitch_deg, abs=0.15)
    assert load_camera(str(out)).mount.z == pytest.approx(ROAD_CAMERA.mount.z, rel=0.03)


def test_a_mount_comes_from_the_straight_stretches_of_a_bag(tmp_path, capsys):
    frames = drive(ROAD_CAMERA, 17)
    bag = DriveBag(tmp_path / "bag")
    times = np.arange(-1.0, 18.0, 0.05)
    # The first two pairs of pictures are taken in a bend.
    bag.add(VELOCITY, velocity, Series(times, 0.0 * times + 10.0), Series(times, 0.2 * (times < 1.5)))
    bag.add_each(PICTURE, picture, [frame.time_s for frame in frames], [frame.rgb for frame in frames])
    bag.close()
    start, out = tmp_path / "start.yaml", tmp_path / "camera.yaml"
    start.write_text(camera_text(guessed(-0.7, 0.0, 1.15), []), encoding="utf-8")
    arguments = ["calibrate", "camera", "--drive", str(tmp_path / "bag"), "--camera", str(start), "--out", str(out)]
    assert run(arguments) == 0
    told = capsys.readouterr().out
    assert "of 30 pictures of driving straight" in told
    assert "by the ground's flow" in told
    mount = load_camera(str(out)).mount
    assert mount.pitch_deg == pytest.approx(ROAD_CAMERA.mount.pitch_deg, abs=0.1)
    assert mount.z == pytest.approx(ROAD_CAMERA.mount.z, rel=0.03)


def test_what_exists_is_not_overwritten(bends, tmp_path, capsys):
    out = tmp_path / "steering.yaml"
    out.write_text("mine", encoding="utf-8")
    assert "exists; name a new file" in fails(capsys, "steering", bends, "--out", out)
    (tmp_path / "van_brake_map.csv").write_text("mine", encoding="utf-8")
    assert "van_brake_map.csv exists" in fails(capsys, "pedals", bends, "--out", tmp_path / "van")
    assert out.read_text(encoding="utf-8") == "mine"


def test_poor_data_and_wrong_options_end_with_one_line(bends, tmp_path, capsys):
    assert "no steering_command" in fails(capsys, "actuators", bends)
    assert "no throttle" in fails(capsys, "pedals", bends)
    assert "give --boards, --drive or both" in fails(capsys, "camera")
    assert "not like 9x6" in fails(capsys, "camera", "--boards", tmp_path, "--board", "9")
    assert "--only brake" in fails(capsys, "actuators", bends, "--only", "brake")
    assert "--command-time never" in fails(capsys, "actuators", bends, "--command-time", "never")
    assert "not NAME=TOPIC:FIELD" in fails(capsys, "steering", bends, "--signal", "speed=/wheel")
    assert "'much' is no number" in fails(capsys, "steering", bends, "--signal", "speed=/wheel:x*much")
    assert "no topic /nowhere" in fails(capsys, "steering", bends, "--signal", "speed=/nowhere:x")
    assert "has no number 'vector.w'" in fails(capsys, "steering", bends, "--signal", "speed=/wheel:vector.w")
    assert "has no pictures" in fails(capsys, "camera", "--drive", bends)


def straight(seconds: float, speed: float = 5.0) -> Series:
    times = np.arange(0.0, seconds, 0.1)
    return Series(times, np.full(len(times), speed))


def test_two_bags_are_two_drives_one_after_the_other(tmp_path):
    for name, speed in (("a", 5.0), ("b", 7.0)):
        write_signals(tmp_path / name, Signals({"speed": straight(3.0, speed)}))
    speed = read_signals([tmp_path / "a", tmp_path / "b"], CHOICE).series["speed"]
    assert speed.values[:5] == pytest.approx(5.0)
    assert speed.values[-5:] == pytest.approx(7.0)
    gaps = np.diff(speed.times)
    assert gaps.max() == pytest.approx(10.0)
    assert np.sum(gaps > 1.0) == 1


def test_stamps_that_go_back_begin_another_drive(tmp_path):
    bag = DriveBag(tmp_path / "bag")
    bag.add(ODOMETRY, odometry, straight(3.0))
    bag.add(ODOMETRY, odometry, Series(straight(3.0).times + 3.0, straight(3.0, 6.0).values), stamp_back_s=3.0)
    bag.close()
    speed = read_signals([tmp_path / "bag"], CHOICE).series["speed"]
    assert speed.times[-1] > 12.0
    assert np.diff(speed.times).max() == pytest.approx(10.0)


def test_odometry_gives_yaw_rate_slope_and_a_speed_that_is_told(tmp_path):
    bag = DriveBag(tmp_path / "bag")
    bag.add(ODOMETRY, odometry, straight(2.0), straight(2.0, 0.1), straight(2.0, 0.04))
    bag.add(MODE, mode, straight(2.0, 2.0), every=0.0)
    bag.close()
    signals = read_signals([tmp_path / "bag"], CHOICE)
    assert signals.series["yaw_rate"].values == pytest.approx(0.1)
    assert signals.series["slope"].values == pytest.approx(0.04)
    assert signals.series["steering_engaged"].values == pytest.approx(1.0)
    assert signals.series["acceleration_engaged"].values == pytest.approx(0.0)
    assert "steering_tire_angle" not in signals.series
    assert "speed: the odometry's twist" in signals.notes


def test_the_drivers_feet_do_not_count_while_the_car_drives_itself(tmp_path):
    bag = DriveBag(tmp_path / "bag")
    bag.add(DRIVER, driver, straight(4.0, 0.3), straight(4.0, 0.0))
    bag.add(MODE, mode, Series(np.array([0.0, 1.0, 3.0]), np.array([4.0, 1.0, 4.0])), every=0.0)
    bag.close()
    throttle = read_signals([tmp_path / "bag"], CHOICE).series["throttle"]
    assert np.isnan(throttle.at(np.array([1.5, 2.5]))).all()
    assert throttle.at(np.array([0.5, 3.5])) == pytest.approx(0.3)


def test_a_map_without_heights_knows_no_slope(tmp_path):
    bag = DriveBag(tmp_path / "bag")
    bag.add(ODOMETRY, odometry, straight(2.0))
    bag.close()
    assert "slope" not in read_signals([tmp_path / "bag"], CHOICE).series


def test_fields_are_parsed_and_wrong_ones_named():
    topic, field = parse_fields(["throttle=/can/rpt:output.value*0.01"])["throttle"]
    assert (topic, field.path, field.scale) == ("/can/rpt", "output.value", 0.01)
    with pytest.raises(ConfigError, match=r"--signal gas=/a:b: .* with a name of speed"):
        parse_fields(["gas=/a:b"])
