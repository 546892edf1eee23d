import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim2real_ad.geometry.camera import CameraModel, CameraMount
from sim2real_ad.geometry.ground import OUTSIDE, ground_grid
from sim2real_ad.observation.spec import BevSpec

SPEC = BevSpec(resolution=1.0)

mounts = st.builds(
    CameraMount,
    x=st.floats(-1.0, 3.0),
    y=st.floats(-1.0, 1.0),
    z=st.floats(0.6, 3.0),
    roll_deg=st.floats(-5.0, 5.0),
    pitch_deg=st.floats(-10.0, 20.0),
    yaw_deg=st.floats(-30.0, 30.0),
)


def camera_at(mount: CameraMount, fov_deg: float = 90.0) -> CameraModel:
    return CameraModel.from_fov(320, 180, fov_deg, mount)


def rays_to_ground(camera: CameraModel, grid: np.ndarray) -> np.ndarray:
    """Intersect the picture coordinates (N, 2) with the ground by plain ray geometry, independently of project()."""
    pixels = (grid.astype(np.float64) + 1.0) / 2.0 * (camera.width, camera.height)
    right = (pixels[:, 0] - camera.cx) / camera.fx
    down = (pixels[:, 1] - camera.cy) / camera.fy
    body = np.column_stack((np.ones_like(right), -right, -down))
    rays = body @ camera.mount.rotation_base_from_body().T
    origin = np.array([camera.mount.x, camera.mount.y, camera.mount.z])
    return (origin + rays * (-origin[2] / rays[:, 2])[:, None])[:, :2]


@settings(max_examples=30, deadline=None)
@given(mount=mounts, fov_deg=st.floats(50.0, 120.0))
def test_the_ray_through_a_cells_picture_coordinate_meets_the_ground_at_that_cell(mount, fov_deg):
    camera = camera_at(mount, fov_deg)
    grid, validity = ground_grid(camera, SPEC)
    seen = validity == 255
    distance = np.hypot(*(SPEC.cell_centres()[seen] - (mount.x, mount.y)).T)
    error = np.hypot(*(rays_to_ground(camera, grid[seen]) - SPEC.cell_centres()[seen]).T)
    # float32 coordinates: the error on the ground grows with the square of the distance over the camera's height.
    assert np.all(error < 1e-3 + 1e-6 * distance**2 / mount.z)


@settings(max_examples=20, deadline=None)
@given(mount=mounts)
def test_seen_cells_lie_inside_the_picture_and_unseen_ones_read_padding(mount):
    grid, validity = ground_grid(camera_at(mount), SPEC)
    assert set(np.unique(validity)) <= {0, 255}
    assert np.all(np.abs(grid[validity == 255]) <= 1.0 + 1e-6)
    assert np.all(grid[validity == 0] == OUTSIDE)


def test_the_grid_of_a_resized_camera_is_the_same():
    camera = camera_at(CameraMount(x=1.6, z=1.45, pitch_deg=4.0))
    np.testing.assert_allclose(ground_grid(camera, SPEC)[0], ground_grid(camera.scaled(640, 360), SPEC)[0], atol=1e-6)


def test_what_is_nearer_left_and_right_is_where_a_driver_expects_it():
    grid, validity = ground_grid(camera_at(CameraMount(x=1.6, z=1.45, pitch_deg=4.0)), SPEC)
    row = 48 - 20
    assert validity[row].all()
    assert grid[row, 0, 0] < 0 < grid[row, -1, 0]
    assert grid[row, 16, 1] > grid[5, 16, 1]
    assert not validity[-1].any(), "the ground under the rear axle is behind the camera"


def test_a_higher_plane_is_looked_up_higher_in_the_picture():
    camera = camera_at(CameraMount(x=1.6, z=1.45, pitch_deg=4.0))
    ground, seen_ground = ground_grid(camera, SPEC)
    above, seen_above = ground_grid(camera, SPEC, height=1.0)
    both = (seen_ground == 255) & (seen_above == 255)
    assert np.all(above[both][:, 1] < ground[both][:, 1])


@pytest.mark.parametrize(("x", "y"), [(10.5, 0.5), (20.5, -6.5), (6.5, 2.5)])
def test_a_mark_painted_in_the_picture_comes_out_at_its_cell(x, y):
    camera = camera_at(CameraMount(x=1.6, z=1.45, pitch_deg=4.0))
    pixel = camera.project(np.array([[x, y, 0.0]]))[0][0]
    picture = np.zeros((180, 320), np.float32)
    cv2.circle(picture, (round(pixel[0] - 0.5), round(pixel[1] - 0.5)), 1, 1.0, -1)
    grid, _ = ground_grid(camera, SPEC)
    lookup = ((grid + 1.0) / 2.0 * (320, 180) - 0.5).astype(np.float32)
    bev = cv2.remap(picture, lookup[..., 0], lookup[..., 1], cv2.INTER_LINEAR, borderValue=0)
    row, column = np.unravel_index(bev.argmax(), bev.shape)
    assert np.hypot(*(SPEC.cell_centres()[row, column] - (x, y))) <= 1.0


def test_a_distorted_lens_moves_the_lookup_by_its_polynomial():
    mount = CameraMount(x=1.6, z=1.45, pitch_deg=4.0)
    straight = camera_at(mount)
    barrel = straight.model_copy(update={"distortion": (-0.2, 0.02, 0.0, 0.0, 0.0)})
    row, column = 48 - 15, 8
    near, far = (ground_grid(c, SPEC)[0][row, column] for c in (barrel, straight))
    assert np.linalg.norm(near) < np.linalg.norm(far), "a barrel lens draws points towards the centre"
