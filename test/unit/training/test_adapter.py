import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sim2real_ad.errors import SourceError  # noqa: E402
from sim2real_ad.geometry.camera import CameraModel, CameraMount  # noqa: E402
from sim2real_ad.observation.adapter import Adapter, ImageSpec  # noqa: E402
from sim2real_ad.observation.spec import BevSpec, ObservationSpec  # noqa: E402
from sim2real_ad.policy.checkpoint import open_network  # noqa: E402
from sim2real_ad.training.adapter import bev_loss, make_batch, train_adapter  # noqa: E402
from sim2real_ad.training.augmentation import augment_picture  # noqa: E402
from sim2real_ad.training.config import AdapterTraining  # noqa: E402
from sim2real_ad.training.export import export_adapter  # noqa: E402
from sim2real_ad.training.frames import EpisodeFrames, FrameSet, load_episode, save_episode  # noqa: E402
from sim2real_ad.types import CameraFrame  # noqa: E402

SPEC = BevSpec(x_max=32.0, y_min=-8.0, y_max=8.0, resolution=1.0)
CAMERA = CameraModel.from_fov(160, 96, 90.0, CameraMount(x=1.6, z=1.45, pitch_deg=4.0))


def flat_world(seed: int, count: int) -> EpisodeFrames:
    """Pictures of a ground with bright squares; each square's cells are the first channel's label."""
    random = np.random.default_rng(seed)
    pixels = np.stack(np.meshgrid(np.arange(160) + 0.5, np.arange(96) + 0.5), axis=-1).reshape(-1, 2)
    body = np.column_stack(
        (np.ones(len(pixels)), -(pixels[:, 0] - CAMERA.cx) / CAMERA.fx, -(pixels[:, 1] - CAMERA.cy) / CAMERA.fy)
    )
    rays = body @ CAMERA.mount.rotation_base_from_body().T
    down = rays[:, 2] < -0.02
    reach = np.where(down, -CAMERA.mount.z / np.where(down, rays[:, 2], -1.0), 0.0)
    ground = np.array([CAMERA.mount.x, CAMERA.mount.y]) + rays[:, :2] * reach[:, None]
    rgb = np.full((count, 96, 160, 3), 60, np.uint8)
    bev = np.zeros((count, *SPEC.shape), np.uint8)
    for n in range(count):
        x, y = random.uniform(6, 18), random.uniform(-5, 5)
        on_square = down & (np.abs(ground - (x, y)).max(axis=1) < 2.0)
        rgb[n].reshape(-1, 3)[on_square] = 220
        bev[n, 0] = 255 * (np.abs(SPEC.cell_centres() - (x, y)).max(axis=-1) < 2.0)
    segments = 4 * (rgb[:, 2::4, 2::4, 0] > 200).astype(np.uint8)
    return EpisodeFrames(seed, CAMERA, rgb, bev, segments, np.zeros((count, 3), np.float32))


@pytest.fixture(scope="module")
def trained():
    torch.set_num_threads(1)
    train, held_out = FrameSet([flat_world(1, 160)], SPEC), FrameSet([flat_world(2, 24)], SPEC)
    settings = AdapterTraining(epochs=12, minutes=1.0, batch_size=8)
    return train_adapter(train, held_out, settings, SPEC, 0, lambda _line, _share: None)


@pytest.mark.torch
def test_the_adapter_learns_where_things_lie_on_the_ground(trained):
    _, record = trained
    assert record["iou"][SPEC.channels[0]] > 0.4
    assert record["final_loss"] < 1.0


@pytest.mark.torch
def test_the_exported_adapter_says_what_the_trained_one_says(trained, tmp_path):
    network, _ = trained
    image = ImageSpec(width=160, height=96)
    export_adapter(network, image, ObservationSpec(bev=SPEC), tmp_path / "adapter.onnx")
    deployed = Adapter(open_network(tmp_path / "adapter.onnx"), image, SPEC, CAMERA)
    frames = FrameSet([flat_world(3, 4)], SPEC)
    batch = make_batch(frames, [0, 1, 2, 3], None)
    with torch.no_grad():
        logits, pooled, _, _ = network(batch.picture, batch.grid, batch.validity)
        expected = (torch.sigmoid(logits) * batch.validity * 255.0).numpy()
        scores = (0.5 * network.distance(pooled) / network.familiar_distance).clamp(0, 1).numpy()
    for rgb, bev, score in zip(frames.rgb([0, 1, 2, 3]), expected, scores, strict=True):
        found, ood = deployed.infer(CameraFrame(0, rgb))
        assert np.abs(found.astype(float) - bev).max() <= 1.0
        assert ood == pytest.approx(float(score), abs=1e-3)


@pytest.mark.torch
def test_noise_looks_less_familiar_than_the_training_pictures(trained):
    network, _ = trained
    frames = FrameSet([flat_world(4, 8)], SPEC)
    with torch.no_grad():
        known = network.distance(network.pooled(network.encoder(make_batch(frames, list(range(8)), None).picture)[2]))
        strange = network.distance(network.pooled(network.encoder(torch.rand(8, 3, 96, 160))[2]))
    assert strange.min() > 2.0 * known.max()


@pytest.mark.torch
def test_cells_the_camera_does_not_see_cost_nothing():
    batch = make_batch(FrameSet([flat_world(5, 4)], SPEC), [0, 1, 2, 3], None)
    weights = torch.ones(len(SPEC.channels))
    logits = torch.zeros_like(batch.label)
    wrong_where_unseen = logits + 50.0 * (1.0 - batch.validity)
    assert (batch.validity == 0).any()
    assert bev_loss(logits, batch, weights) == pytest.approx(float(bev_loss(wrong_where_unseen, batch, weights)))


@pytest.mark.torch
def test_a_mirrored_batch_still_agrees_with_its_ground_grid():
    frames = FrameSet([flat_world(6, 32)], SPEC)
    batch = make_batch(frames, list(range(32)), np.random.default_rng(0))
    looked_up = torch.nn.functional.grid_sample(batch.picture.contiguous(), batch.grid, align_corners=False).mean(1)
    for picture, label, seen in zip(looked_up, batch.label[:, 0], batch.validity[:, 0], strict=True):
        on, off = (label > 0) & (seen > 0), (label == 0) & (seen > 0)
        assert picture[on].mean() > picture[off].mean() + 0.1


def test_episodes_come_back_from_disk_as_they_were(tmp_path):
    frames = flat_world(7, 3)
    save_episode(tmp_path / "episode.npz", frames)
    again = load_episode(tmp_path / "episode.npz")
    assert again.camera == frames.camera
    assert again.seed == 7
    assert np.array_equal(again.rgb, frames.rgb)
    assert np.array_equal(again.bev, frames.bev)
    assert np.array_equal(again.segments, frames.segments)
    assert np.array_equal(again.level, frames.level)
    assert np.array_equal(FrameSet([again], SPEC).labels([0, 1, 2]) * 255, frames.bev)


def test_an_episode_file_that_lacks_something_is_named(tmp_path):
    np.savez(tmp_path / "old.npz", seed=1, rgb=np.zeros(3))
    with pytest.raises(SourceError, match=r"old\.npz holds no bits, camera, level, segments, shape"):
        load_episode(tmp_path / "old.npz")


def test_augmentation_changes_a_picture_but_keeps_its_form():
    rgb = flat_world(8, 1).rgb[0]
    changed = [augment_picture(rgb, np.random.default_rng(seed)) for seed in range(8)]
    assert all(picture.shape == rgb.shape and picture.dtype == np.uint8 for picture in changed)
    assert sum(np.array_equal(picture, rgb) for picture in changed) == 0
