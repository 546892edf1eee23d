import shutil

import numpy as np
import pytest
import yaml

from sim2real_ad.errors import CalibrationError, CheckpointError
from sim2real_ad.geometry.camera import load_camera
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.policy.checkpoint import (
    CONFIG_FILE,
    REQUIRED_FILES,
    SHIPPED,
    check_observation_spec,
    load_checkpoint,
    seal_checkpoint,
)
from sim2real_ad.types import CameraFrame, EgoState, Pose2, Route
from sim2real_ad.vehicle.profile import load_vehicle

ROUTE = Route(1, np.column_stack((np.arange(100.0), np.zeros(100))), 8.0)


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(SHIPPED, tmp_path / "checkpoint")


def change_config(folder, **changes):
    data = yaml.safe_load((folder / CONFIG_FILE).read_text())
    data.update(changes)
    (folder / CONFIG_FILE).write_text(yaml.safe_dump(data))


def drive(checkpoint, frames=12):
    camera = load_camera("default")
    observe, decide = checkpoint.observation_stage(camera), checkpoint.policy_stage(load_vehicle("saloon"))
    random = np.random.default_rng(3)
    for tick in range(frames):
        rgb = random.integers(0, 256, (camera.height, camera.width, 3), dtype=np.uint8)
        ego = EgoState(tick * 50_000_000, Pose2(0.2 * tick, 0.1, 0.0), 4.0)
        observation = observe.step(CameraFrame(ego.stamp_ns, rgb), ego, ROUTE)
        checkpoint.spec.validate_observation(observation)
        yield observation, decide.step(observation)


def test_the_shipped_checkpoint_drives_and_says_the_same_twice():
    first, again = (list(drive(load_checkpoint())) for _ in range(2))
    for (observation, action), (observation_again, action_again) in zip(first, again, strict=True):
        assert np.array_equal(observation.bev, observation_again.bev)
        assert action == action_again
        assert -1.0 <= action.curvature <= 1.0
        assert -1.0 <= action.acceleration <= 1.0


def test_cells_the_camera_does_not_see_are_empty():
    observation, _ = next(drive(load_checkpoint()))
    assert not observation.bev[:, observation.validity == 0].any()


def test_the_shipped_checkpoint_stays_small():
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 20e6


def test_a_new_route_forgets_the_history():
    checkpoint = load_checkpoint()
    observe = checkpoint.observation_stage(load_camera("default"))
    rgb = np.random.default_rng(1).integers(0, 256, (10, 180, 320, 3), dtype=np.uint8)
    for tick in range(9):
        stamp = tick * 50_000_000
        observe.step(CameraFrame(stamp, rgb[tick]), EgoState(stamp, Pose2(0, 0, 0), 4.0), ROUTE)
    stamp = 9 * 50_000_000
    other = Route(2, ROUTE.points, 8.0)
    observation = observe.step(CameraFrame(stamp, rgb[9]), EgoState(stamp, Pose2(0, 0, 0), 4.0), other)
    assert all(np.array_equal(earlier, observation.bev) for earlier in observation.history)


def test_a_picture_of_another_shape_than_the_calibration_is_refused():
    observe = load_checkpoint().observation_stage(load_camera("default"))
    ego = EgoState(0, Pose2(0, 0, 0), 0.0)
    with pytest.raises(CalibrationError, match=r"320x180.*320x240"):
        observe.step(CameraFrame(0, np.zeros((240, 320, 3), np.uint8)), ego, ROUTE)
    with pytest.raises(CalibrationError, match="uint8"):
        observe.step(CameraFrame(0, np.zeros((180, 320, 3), np.float32)), ego, ROUTE)


def test_a_larger_picture_of_the_same_camera_is_taken():
    observe = load_checkpoint().observation_stage(load_camera("default"))
    frame = CameraFrame(0, np.zeros((360, 640, 3), np.uint8))
    observe.step(frame, EgoState(0, Pose2(0, 0, 0), 0.0), ROUTE)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="nowhere"):
        load_checkpoint(tmp_path / "nowhere")


@pytest.mark.parametrize("name", [*REQUIRED_FILES, CONFIG_FILE])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        load_checkpoint(copy)


@pytest.mark.parametrize("name", REQUIRED_FILES)
def test_a_changed_byte_is_noticed(copy, name):
    data = bytearray((copy / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / name).write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match=rf"{name}: SHA-256"):
        load_checkpoint(copy)


def test_another_format_version_is_refused_before_its_keys(copy):
    change_config(copy, format_version=99, something_new=1)
    with pytest.raises(CheckpointError, match="format_version 99, this release reads 7"):
        load_checkpoint(copy)


def test_an_altered_observation_spec_does_not_match_its_fingerprint(copy):
    change_config(copy, observation=ObservationSpec(route_points=12).model_dump(mode="json"))
    with pytest.raises(CheckpointError, match=ObservationSpec(route_points=12).fingerprint):
        load_checkpoint(copy)


def test_unknown_keys_are_refused(copy):
    change_config(copy, colour="blue")
    with pytest.raises(CheckpointError, match="colour"):
        load_checkpoint(copy)


def test_another_observation_spec_than_trained_on_is_refused():
    checkpoint = load_checkpoint()
    check_observation_spec(checkpoint, checkpoint.spec)
    other = ObservationSpec(route_spacing=3.0)
    with pytest.raises(CheckpointError, match=other.fingerprint):
        check_observation_spec(checkpoint, other)


def test_a_network_with_other_inputs_is_refused(copy):
    shutil.copy(copy / "student.onnx", copy / "adapter.onnx")
    config = load_checkpoint().config
    seal_checkpoint(copy, config.observation, config.image, config.corridor, config.action)
    with pytest.raises(CheckpointError, match=r"expected .'above', 'ground', 'image', 'validity'"):
        load_checkpoint(copy).observation_stage(load_camera("default"))


def test_a_file_that_is_no_network_is_refused(copy):
    (copy / "student.onnx").write_bytes(b"no network")
    config = load_checkpoint().config
    seal_checkpoint(copy, config.observation, config.image, config.corridor, config.action)
    with pytest.raises(CheckpointError, match=r"student\.onnx"):
        load_checkpoint(copy).policy_stage(load_vehicle("saloon"))


def test_an_unknown_provider_is_refused():
    with pytest.raises(CheckpointError, match="NoSuchProvider"):
        load_checkpoint(providers=["NoSuchProvider"]).policy_stage(load_vehicle("saloon"))
