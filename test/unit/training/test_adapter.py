import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sim2real_ad.errors import SourceError, TrainingError  # noqa: E402
from sim2real_ad.geometry.camera import CameraModel, CameraMount  # noqa: E402
from sim2real_ad.geometry.level_view import level_camera  # noqa: E402
from sim2real_ad.observation.adapter import Adapter, ImageSpec  # noqa: E402
from sim2real_ad.observation.spec import BevSpec, ObservationSpec  # noqa: E402
from sim2real_ad.policy.runtime import open_network  # noqa: E402
from sim2real_ad.training import adapter, augmentation, familiarity  # noqa: E402
from sim2real_ad.training.adapter import as_picture, bev_loss, make_batch, pictures_of, train_adapter  # noqa: E402
from sim2real_ad.training.adapter_network import AdapterExport, AdapterNetwork, look_up  # noqa: E402
from sim2real_ad.training.augmentation import augment_picture, reflect  # noqa: E402
from sim2real_ad.training.config import AdapterTraining  # noqa: E402
from sim2real_ad.training.export import export_adapter  # noqa: E402
from sim2real_ad.training.familiarity import teach_familiarity  # noqa: E402
from sim2real_ad.training.frames import EpisodeFrames, FrameSet, load_episode, save_episode  # noqa: E402
from sim2real_ad.types import CameraFrame  # noqa: E402

SPEC = BevSpec(x_max=32.0, y_min=-8.0, y_max=8.0, resolution=1.0)
IMAGE = ImageSpec(width=160, height=96, horizon=30.0)
CAMERA = CameraModel.from_fov(160, 96, 90.0, CameraMount(x=1.6, z=1.45, pitch_deg=4.0))
LEVEL = level_camera(CAMERA, IMAGE)


def flat_world(seed: int, count: int, turned: float = 0.0) -> EpisodeFrames:
    """Level views of a ground with bright squares; each square's cells are the first channel's label.

    turned: deg by which the camera rolls, which its calibration does not know.
    """
    random = np.random.default_rng(seed)
    pixels = np.stack(np.meshgrid(np.arange(160) + 0.5, np.arange(96) + 0.5), axis=-1).reshape(-1, 2)
    body = np.column_stack(
        (np.ones(len(pixels)), -(pixels[:, 0] - LEVEL.cx) / LEVEL.fx, -(pixels[:, 1] - LEVEL.cy) / LEVEL.fy)
    )
    rays = body @ LEVEL.mount.model_copy(update={"roll_deg": turned}).rotation_base_from_body().T
    down = rays[:, 2] < -0.02
    reach = np.where(down, -LEVEL.mount.z / np.where(down, rays[:, 2], -1.0), 0.0)
    ground = np.array([LEVEL.mount.x, LEVEL.mount.y]) + rays[:, :2] * reach[:, None]
    rgb = np.full((count, 96, 160, 3), 60, np.uint8)
    rgb[:, ~down.reshape(96, 160)] = 140
    bev = np.zeros((count, *SPEC.shape), np.uint8)
    for n in range(count):
        x, y = random.uniform(6, 18), random.uniform(-5, 5)
        on_square = down & (np.abs(ground - (x, y)).max(axis=1) < 2.0)
        rgb[n].reshape(-1, 3)[on_square] = 220
        bev[n, 0] = 255 * (np.abs(SPEC.cell_centres() - (x, y)).max(axis=-1) < 2.0)
    segments = 4 * (rgb[:, 2::4, 2::4, 0] > 200).astype(np.uint8)
    return EpisodeFrames(seed, CAMERA, rgb, bev, segments, np.zeros((count, 3), np.float32))


def frame_set(*episodes: EpisodeFrames) -> FrameSet:
    return FrameSet(episodes, SPEC, IMAGE)


def quiet(_line: str, _share: float) -> None:
    pass


@pytest.fixture(scope="module")
def trained():
    torch.set_num_threads(1)
    settings = AdapterTraining(epochs=12, minutes=1.0, batch_size=8)
    return train_adapter(frame_set(flat_world(1, 160)), frame_set(flat_world(2, 24)), settings, SPEC, 0, quiet)


@pytest.fixture(scope="module")
def doubting(trained):
    network, _ = trained
    misfits = frame_set(*(flat_world(seed, 12, side * 12.0) for seed, side in ((11, 1), (12, -1), (13, 1), (14, -1))))
    frames, held_out = frame_set(flat_world(1, 160)), frame_set(flat_world(2, 24))
    return network, teach_familiarity(network, frames, misfits, held_out, 0.25, 0, quiet)


@pytest.mark.torch
def test_the_adapter_learns_where_things_lie_on_the_ground(trained):
    _, record = trained
    assert record["iou"][SPEC.channels[0]] > 0.4
    assert record["final_loss"] < 1.0


@pytest.mark.torch
def test_the_exported_adapter_says_what_the_trained_one_says(doubting, tmp_path):
    network, _ = doubting
    export_adapter(network, IMAGE, ObservationSpec(bev=SPEC), tmp_path / "adapter.onnx")
    deployed = Adapter(open_network(tmp_path / "adapter.onnx"), IMAGE, SPEC, CAMERA)
    rgb = np.random.default_rng(3).integers(0, 256, (4, 96, 160, 3), dtype=np.uint8)
    rgb[:, 30:70, 40:90] = 200
    for picture in rgb:
        inputs = (torch.from_numpy(deployed.view.take(picture)[None]), *map(torch.from_numpy, deployed.geometry))
        with torch.no_grad():
            bev, doubts, segments, level = AdapterExport(network)(*inputs)
        sight = deployed.look(CameraFrame(0, picture))
        assert np.abs(sight.bev.astype(float) - bev[0].numpy()).max() <= 1.0
        assert sight.doubts == pytest.approx(doubts[0].tolist(), abs=1e-3)
        assert sight.doubts.ood == max(sight.doubts)
        np.testing.assert_allclose(sight.segments, torch.softmax(segments[0], 0).numpy(), atol=1e-3)
        np.testing.assert_allclose(sight.level, level[0].numpy(), atol=1e-4)


@pytest.mark.torch
def test_spoilt_pictures_and_wrong_calibrations_are_doubted(doubting):
    network, record = doubting
    assert record["doubt_auroc"]["spoilt"] > 0.9
    assert record["doubt_auroc"]["misfit"] > 0.9
    plain = pictures_of(frame_set(flat_world(4, 8)), np.arange(8), None)
    grid = torch.from_numpy(frame_set(flat_world(4, 8)).geometry(np.arange(8)).ground)
    with torch.no_grad():
        known, black = (
            network.familiarity.score(network.doubt(as_picture(rgb), grid)) for rgb in (plain, np.zeros_like(plain))
        )
    assert known.mean() < 0.5 < black.min()


@pytest.mark.torch
def test_the_backbone_is_tuned_at_the_end_and_its_batch_statistics_stay(trained):
    network, _ = trained
    fresh = AdapterNetwork(SPEC, IMAGE).backbone.state_dict()
    tuned = network.backbone.state_dict()
    weight = "blocks.8._project_conv.weight"
    assert not torch.equal(fresh[weight], tuned[weight])
    assert torch.equal(fresh["blocks.8._bn2.running_mean"], tuned["blocks.8._bn2.running_mean"])


@pytest.mark.torch
def test_a_killed_training_of_the_adapter_goes_on_where_it_was(tmp_path, monkeypatch):
    class KilledError(Exception):
        pass

    def kill(line: str, _share: float) -> None:
        if line.startswith("adapter step 20"):
            raise KilledError

    monkeypatch.setattr(adapter, "SAVE_EVERY_S", 0.0)
    frames, held_out, state = frame_set(flat_world(1, 80)), frame_set(flat_world(2, 8)), tmp_path / "state.pt"
    settings = AdapterTraining(epochs=3, minutes=5.0, batch_size=8)
    with pytest.raises(KilledError):
        train_adapter(frames, held_out, settings, SPEC, 0, kill, state=state)
    begun = []
    record = train_adapter(frames, held_out, settings, SPEC, 0, lambda line, _: begun.append(line), state=state)[1]
    assert begun[0].startswith("adapter step 20 ")
    assert record["steps"] == 30
    again = train_adapter(frames, held_out, settings, SPEC, 0, quiet, state=state)[1]
    assert (again["steps"], again["final_loss"]) == (30, record["final_loss"]), "nothing was left to do"
    with pytest.raises(TrainingError, match="other settings or pictures"):
        train_adapter(frames, held_out, settings, SPEC, 1, quiet, state=state)


@pytest.mark.torch
def test_what_lies_beyond_the_cameras_picture_is_black_and_not_learned_from():
    batch = make_batch(frame_set(flat_world(9, 2)), [0, 1], None)
    beyond = torch.from_numpy(frame_set(flat_world(9, 2)).covered([0, 1]) == 0)[:, None].expand_as(batch.picture)
    assert beyond.any()
    assert (batch.picture[beyond] == -1.0).all()
    assert 0.0 < batch.shown.mean() < 1.0


@pytest.mark.torch
@pytest.mark.parametrize("outlined", [0.0, 1.0])
def test_a_bonnet_that_is_outlined_is_black_and_a_painted_one_is_not(monkeypatch, outlined):
    monkeypatch.setattr(augmentation, "BONNET", 1.0)
    monkeypatch.setattr(augmentation, "OUTLINED", outlined)
    frames, few = frame_set(flat_world(9, 8)), list(range(8))
    rgb, hidden = adapter.taken(frames, few, np.random.default_rng(0))
    hidden &= frames.covered(few) > 0
    assert hidden.any()
    assert (rgb[hidden] == 0).all() == bool(outlined)


@pytest.mark.torch
def test_cells_the_camera_does_not_see_cost_nothing():
    batch = make_batch(frame_set(flat_world(5, 4)), [0, 1, 2, 3], None)
    weights = torch.ones(len(SPEC.channels))
    logits = torch.zeros_like(batch.label)
    wrong_where_unseen = logits + 50.0 * (1.0 - batch.validity)
    assert (batch.validity == 0).any()
    assert bev_loss(logits, batch, weights) == pytest.approx(float(bev_loss(wrong_where_unseen, batch, weights)))


@pytest.fixture
def plain_pictures(monkeypatch):
    """Pictures as rendered: no bonnet over what is looked for, no light in which it cannot be told."""
    monkeypatch.setattr(adapter, "augment_picture", lambda rgb, *_: (rgb, np.zeros(rgb.shape[:2], np.bool_)))
    monkeypatch.setattr(adapter, "REFLECTED", 0.0)


@pytest.mark.torch
def test_a_mirrored_batch_still_agrees_with_its_ground_grid(plain_pictures):
    frames = frame_set(flat_world(6, 32))
    batch = make_batch(frames, list(range(32)), np.random.default_rng(0))
    looked_up = look_up(batch.picture.contiguous(), batch.ground).mean(1)
    for picture, label, seen in zip(looked_up, batch.label[:, 0], batch.validity[:, 0], strict=True):
        on, off = (label > 0) & (seen > 0), (label == 0) & (seen > 0)
        assert picture[on].mean() > picture[off].mean() + 0.2
    left, above = batch.ground[..., 0].unflatten(1, (-1, 2)).unflatten(3, (-1, 2)), batch.above[..., 0]
    both = (left > -1.5).all(4).all(2) & (above > -1.5)
    both[:, 10:] = False  # so near, places change too fast for a mean
    torch.testing.assert_close(above[both], left.mean((2, 4))[both], atol=0.02, rtol=0.0)


@pytest.mark.torch
def test_a_mirrored_batch_of_doubts_still_agrees_with_its_grid(plain_pictures):
    frames = frame_set(flat_world(6, 32))
    of_picture = frames.geometry([0]).ground[0]
    mirrored = 0
    for seed in range(12):
        grid = familiarity._batch(frames, frames, 32, np.random.default_rng(seed))[1].numpy()
        seen = (np.abs(of_picture) <= 1.0).all(-1)
        same = np.array_equal(grid[0], of_picture)
        mirrored += not same
        if not same:
            np.testing.assert_array_equal(grid[0][:, ::-1][seen], of_picture[seen] * (-1.0, 1.0))
    assert 0 < mirrored < 12


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
    assert np.array_equal(frame_set(again).labels([0, 1, 2]) * 255, frames.bev)


def test_an_episode_file_that_lacks_something_is_named(tmp_path):
    np.savez(tmp_path / "old.npz", seed=1, rgb=np.zeros(3))
    with pytest.raises(SourceError, match=r"old\.npz holds no bits, camera, level, segments, shape"):
        load_episode(tmp_path / "old.npz")


def test_augmentation_changes_a_picture_but_keeps_its_form_and_its_origin():
    rgb = flat_world(8, 1).rgb[0]
    before = rgb.copy()
    changed = [augment_picture(rgb, np.random.default_rng(seed))[0] for seed in range(40)]
    assert all(picture.shape == rgb.shape and picture.dtype == np.uint8 for picture in changed)
    assert sum(np.array_equal(picture, rgb) for picture in changed) <= 1
    assert np.array_equal(rgb, before)


def test_the_same_random_numbers_give_the_same_augmentation():
    rgb = flat_world(8, 1).rgb[0]
    for seed in range(10):
        (first, hidden), (again, hidden_again) = (augment_picture(rgb, np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(first, again)
        assert np.array_equal(hidden, hidden_again)


def test_augmentation_leaves_things_where_they_are():
    rgb = flat_world(8, 1).rgb[0]
    bright = rgb[..., 0] > 200
    kept = 0
    for seed in range(40):
        grey = augment_picture(rgb, np.random.default_rng(seed))[0].mean(axis=-1)
        kept += grey[bright].mean() > grey[~bright & (rgb[..., 0] == 60)].mean() + 5.0
    assert kept >= 36, "the square stays brighter than the ground around it"


def test_a_bonnet_is_at_the_lower_edge_and_told():
    rgb = flat_world(8, 1).rgb[0]
    hidden = np.stack([augment_picture(rgb, np.random.default_rng(seed))[1] for seed in range(60)])
    worn = hidden.any(axis=(1, 2))
    assert 0.1 < worn.mean() < 0.35
    assert hidden[worn][:, -1, 80].all()
    assert hidden[worn][:, -1].mean() > 0.6
    assert not hidden[:, :60].any()


def test_a_bonnet_begins_at_the_lower_edge_of_the_cameras_picture():
    rgb = flat_world(8, 1).rgb[0]
    hidden = np.stack([augment_picture(rgb, np.random.default_rng(seed), 60)[1] for seed in range(60)])
    worn = hidden.any(axis=(1, 2))
    assert hidden[worn][:, 59, 80].all()
    assert not hidden[:, :40].any()


@pytest.mark.torch
def test_what_a_bonnet_hides_is_nothing_that_the_picture_shows(monkeypatch):
    hidden = np.zeros((96, 160), np.bool_)
    hidden[44:] = True
    monkeypatch.setattr(adapter, "augment_picture", lambda rgb, *_: (rgb, hidden))
    frames = frame_set(flat_world(1, 24))
    batch, plain = (make_batch(frames, list(range(24)), random) for random in (np.random.default_rng(0), None))
    assert (plain.segments[:, 11:] == 4).any()
    assert (batch.segments[:, 11:] == 0).all()
    assert (batch.segments[:, :11] == 4).sum() == (plain.segments[:, :11] == 4).sum()


def test_a_reflection_is_faint():
    rgb, other = flat_world(8, 2).rgb
    seen = reflect(rgb, other, np.random.default_rng(0))
    assert not np.array_equal(seen, rgb)
    assert np.abs(seen.astype(int) - rgb).max() < 90
