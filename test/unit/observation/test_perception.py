import numpy as np
import pytest

from sim2real_ad.errors import CalibrationError
from sim2real_ad.geometry.camera import CameraModel, CameraMount, load_camera
from sim2real_ad.observation.perception import BevInPicture, Perceiver
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.policy.checkpoint import load_checkpoint

SPEC = BevSpec()
CAMERA = CameraModel.from_fov(320, 180, 90.0, CameraMount(x=1.6, z=1.45, pitch_deg=4.0))
SEEN = np.ones(SPEC.shape[1:], bool)


def bev_with(**layers: np.ndarray) -> np.ndarray:
    bev = np.zeros(SPEC.shape, np.float32)
    for name, layer in layers.items():
        bev[SPEC.index(name)] = layer
    return bev


def pixel_of(*point: float) -> tuple[int, int]:
    x, y = CAMERA.project(np.array([point]))[0][0]
    return int(y), int(x)


def road(half_width: float = 4.0) -> np.ndarray:
    return (np.abs(SPEC.cell_centres()[..., 1]) < half_width).astype(np.float32)


@pytest.fixture(scope="module")
def shipped() -> Perceiver:
    camera, checkpoint = load_camera("default"), load_checkpoint()
    return Perceiver(checkpoint.adapter(camera), camera, checkpoint.spec.bev, source="default")


def noise(width: int = 320, height: int = 180) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_road_in_the_bev_is_the_road_in_the_picture():
    drivable = BevInPicture(CAMERA, SPEC).drivable(bev_with(drivable=road()), SEEN)
    assert drivable.shape == (180, 320)
    assert drivable.dtype == np.float32
    for ahead in (8.0, 15.0, 25.0):
        assert drivable[pixel_of(ahead, 0.0, 0.0)] == pytest.approx(1.0)
        assert drivable[pixel_of(ahead, 3.0, 0.0)] == pytest.approx(1.0)
        assert drivable[pixel_of(ahead, 5.5, 0.0)] == pytest.approx(0.0)
        assert drivable[pixel_of(ahead, -5.5, 0.0)] == pytest.approx(0.0)


def test_pixels_that_the_bev_does_not_reach_are_nan():
    drivable = BevInPicture(CAMERA, SPEC).drivable(bev_with(drivable=road()), SEEN)
    assert np.isnan(drivable[pixel_of(60.0, 0.0, 0.0)]), "beyond the far edge"
    assert np.isnan(drivable[pixel_of(30.0, 18.0, 0.0)]), "beyond the side"
    assert np.isnan(drivable[0]).all(), "sky"
    assert np.isfinite(drivable[pixel_of(46.0, 0.0, 0.0)])


def test_cells_that_are_not_seen_have_no_say_in_the_picture():
    ahead = SPEC.cell_centres()[..., 0]
    drivable = BevInPicture(CAMERA, SPEC).drivable(bev_with(drivable=road()), ahead < 20.0)
    assert drivable[pixel_of(19.9, 0.0, 0.0)] == pytest.approx(1.0), "unseen zeros must not bleed in"
    assert np.isnan(drivable[pixel_of(21.0, 0.0, 0.0)])


def test_a_vehicle_and_the_road_it_hides_are_not_drivable_ground():
    centres = SPEC.cell_centres()
    car = ((np.abs(centres[..., 0] - 15.0) < 2.3) & (np.abs(centres[..., 1]) < 1.0)).astype(np.float32)
    drivable = BevInPicture(CAMERA, SPEC).drivable(bev_with(drivable=road(), vehicle=car), SEEN)
    for height in (0.0, 0.4, 0.8):
        assert drivable[pixel_of(12.8, 0.0, height)] < 0.2
    assert drivable[pixel_of(9.0, 0.0, 0.0)] == pytest.approx(1.0), "in front of it"
    assert drivable[pixel_of(15.0, 3.0, 0.0)] == pytest.approx(1.0), "beside it"
    unlikely = BevInPicture(CAMERA, SPEC).drivable(bev_with(drivable=road(), vehicle=0.4 * car), SEEN)
    assert unlikely[pixel_of(12.8, 0.0, 0.4)] == pytest.approx(1.0)


def test_an_uncertain_road_stays_uncertain():
    drivable = BevInPicture(CAMERA, SPEC).drivable(bev_with(drivable=0.3 * road(40.0)), SEEN)
    assert np.nanmin(drivable) == pytest.approx(0.3)
    assert np.nanmax(drivable) == pytest.approx(0.3)


def test_a_bent_lens_bends_the_road_in_the_picture():
    bent = CAMERA.model_copy(update={"distortion": (-0.2, 0.03, 0.0, 0.0, 0.0)})
    drivable = BevInPicture(bent, SPEC).drivable(bev_with(drivable=road()), SEEN)
    for side, expected in ((3.4, 1.0), (4.6, 0.0)):
        x, y = bent.project(np.array([[8.0, side, 0.0]]))[0][0]
        assert drivable[int(y), int(x)] == pytest.approx(expected, abs=0.1)


def test_the_shipped_adapter_perceives_in_the_units_of_its_contract(shipped):
    seen = shipped.perceive(noise())
    assert seen.bev.shape == SPEC.shape
    assert seen.bev.dtype == np.float32
    assert 0.0 <= seen.bev.min() <= seen.bev.max() <= 1.0
    assert seen.validity.shape == SPEC.shape[1:]
    assert not seen.bev[:, ~seen.validity].any()
    assert 0.0 < seen.share_seen < 1.0
    assert seen.drivable_image.shape == (180, 320)
    assert np.nanmin(seen.drivable_image) >= 0.0
    assert np.nanmax(seen.drivable_image) <= 1.0
    assert 0.0 <= seen.ood <= 1.0


@pytest.mark.parametrize("size", [(640, 480), (640, 360)], ids=["another shape", "the same shape"])
def test_an_image_of_another_size_is_refused_with_both_sizes_and_the_calibration(shipped, size):
    with pytest.raises(CalibrationError, match=f"{size[0]}x{size[1]}, the calibration default is for 320x180"):
        shipped.perceive(noise(*size))


def test_a_resized_picture_is_perceived_at_its_own_size_where_that_was_asked_for():
    camera, checkpoint = load_camera("default"), load_checkpoint()
    perceiver = Perceiver(checkpoint.adapter(camera), camera, checkpoint.spec.bev, resized=True)
    assert perceiver.perceive(noise(640, 360)).drivable_image.shape == (360, 640)
    with pytest.raises(CalibrationError, match="aspect ratio"):
        perceiver.perceive(noise(640, 480))


def test_a_camera_that_sees_nothing_of_the_bev_is_refused_with_its_source():
    up = CAMERA.model_copy(update={"mount": CameraMount(x=1.6, z=1.45, pitch_deg=-40.0)})
    checkpoint = load_checkpoint()
    with pytest.raises(CalibrationError, match=r"up\.yaml: this camera sees no ground from 0 to 48 m"):
        Perceiver(checkpoint.adapter(up), up, checkpoint.spec.bev, source="up.yaml")
