"""The exact BEV against slow, independent geometry: per-cell point-in-polygon and point-to-line distances."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sim2real_ad.errors import MapError
from sim2real_ad.geometry.frames import base_from_map, map_from_base
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.types import Pose2
from sim2real_ad.world.embedded.bev import TruthBev
from sim2real_ad.world.embedded.roads import RoadNetwork
from sim2real_ad.world.protocol import ActorState

SPEC = BevSpec()
MAPS = ("curved_road", "urban_block", "proving_ground")
RASTER_ERROR = 0.2
FILL_ERROR = 0.05
"""m, of a box that OpenCV cuts off at the border of the grid."""
SQUARE = np.array([(0, 0), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)], float)

near_lane = st.tuples(
    st.sampled_from(MAPS),
    st.integers(0, 10_000),
    st.floats(-6.0, 6.0),
    st.floats(-6.0, 6.0),
    st.floats(-math.pi, math.pi),
)
boxes = st.lists(
    st.tuples(
        st.sampled_from(("vehicle", "pedestrian", "obstacle")),
        st.floats(-8.0, 56.0),
        st.floats(-24.0, 24.0),
        st.floats(-4.0, 4.0),
        st.floats(0.2, 12.0),
        st.floats(0.2, 3.0),
    ),
    max_size=6,
)


def place(name, pick, dx, dy, dyaw):
    network = RoadNetwork.load(name)
    points = network.lane_points(10.0)
    pose = points[pick % len(points)].pose
    return network, Pose2(pose.x + dx, pose.y + dy, pose.yaw + dyaw)


def actor(kind, x, y, yaw, length, width, base=Pose2(0.0, 0.0, 0.0)):  # noqa: B008
    """An actor at a place in base_link."""
    at = map_from_base(np.array([x, y]), base)
    return ActorState(1, kind, "", Pose2(float(at[0]), float(at[1]), yaw + base.yaw), (length, width, 1.5))


def some_cells(count, seed):
    _, height, width = SPEC.shape
    picks = np.random.default_rng(seed).integers(0, height * width, count)
    rows, columns = np.divmod(picks, width)
    return rows, columns, SPEC.cell_centres()[rows, columns]


def inside(points, polygon):
    """Even-odd rule, a ray along +x. points: (N, 2); polygon: (M, 2)."""
    (x, y), (ax, ay) = points.T[..., None], polygon.T
    bx, by = np.roll(polygon, -1, axis=0).T
    crosses = (ay > y) != (by > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        at = ax + (y - ay) / (by - ay) * (bx - ax)
    return (crosses & (x < at)).sum(axis=1) % 2 == 1


def inside_any(points, polygons):
    low, high = points.min(axis=0), points.max(axis=0)
    near = [p for p in polygons if (p.max(axis=0) >= low).all() and (p.min(axis=0) <= high).all()]
    return np.any([inside(points, polygon) for polygon in near], axis=0) if near else np.zeros(len(points), bool)


def distance_to_line(points, line):
    """Distance of points (N, 2) to a polyline (M, 2), and whether the nearest place is not one of its ends."""
    start, along = line[:-1], np.diff(line, axis=0)
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    t = ((points[:, None] - start) * along).sum(axis=2) / length
    foot = start + np.clip(t, 0.0, 1.0)[..., None] * along
    distances = np.hypot(*np.moveaxis(points[:, None] - foot, -1, 0))
    at = distances.argmin(axis=1)
    rows = np.arange(len(points))
    interior = (t[rows, at] > 0.0) | (at > 0)
    return distances[rows, at], interior & ((t[rows, at] < 1.0) | (at < len(start) - 1))


@settings(max_examples=30)
@given(near_lane)
def test_a_cell_is_drivable_where_its_centre_lies_on_a_lane(where):
    network, base = place(*where)
    rows, columns, cells = some_cells(150, where[1])
    around = map_from_base(cells[:, None] + SQUARE * RASTER_ERROR, base).reshape(-1, 2)
    hits = inside_any(around, network.scene_geometry().drivable).reshape(len(cells), -1)
    drawn = TruthBev(network, SPEC).render(base, ())[SPEC.index("drivable"), rows, columns]
    assert (drawn[hits.all(axis=1)] == 255).all()
    assert (drawn[~hits.any(axis=1)] == 0).all()


@settings(max_examples=30)
@given(near_lane)
def test_a_cell_is_marked_where_paint_comes_within_half_a_cell_of_its_centre(where):
    network, base = place(*where)
    rows, columns, cells = some_cells(300, where[1])
    points = map_from_base(cells, base)
    gap = np.full(len(points), np.inf)
    certain = np.zeros(len(points), bool)
    for line, width, _, _ in network.scene_geometry().marking_lines:
        distance, interior = distance_to_line(points, line)
        gap = np.minimum(gap, distance - width / 2.0)
        certain |= interior & (distance - width / 2.0 < SPEC.resolution / 2.0 - RASTER_ERROR)
    drawn = TruthBev(network, SPEC).render(base, ())[SPEC.index("lane_marking"), rows, columns]
    assert (drawn[certain] == 255).all()
    assert (drawn[gap > SPEC.resolution / 2.0 + RASTER_ERROR] == 0).all()


@settings(max_examples=25)
@given(st.integers(0, 25), st.floats(3.0, 40.0), st.floats(-10.0, 10.0), st.floats(-0.6, 0.6))
def test_a_stop_line_shows_where_it_is_painted_and_nowhere_else(index, ahead, aside, turn):
    network = RoadNetwork.load("urban_block")
    line = network.stop_lines[index]
    yaw = line.centre.yaw + turn
    x = line.centre.x - ahead * math.cos(yaw) + aside * math.sin(yaw)
    base = Pose2(x, line.centre.y - ahead * math.sin(yaw) - aside * math.cos(yaw), yaw)
    drawn = TruthBev(network, SPEC).render(base, ())[SPEC.index("stop_line")] > 0
    centres = map_from_base(SPEC.cell_centres(), base).reshape(-1, 2)
    painted = inside_any(centres, [line.quad for line in network.stop_lines]).reshape(drawn.shape)
    assert drawn.any(), "0.4 m of paint between two rows of cells still shows"
    assert drawn[painted].all()
    quads = np.stack([line.quad for line in network.stop_lines])
    outlines = [np.concatenate((quad, quad[:1])) for quad in quads]
    distance = np.min([distance_to_line(centres, outline)[0] for outline in outlines], axis=0).reshape(drawn.shape)
    assert not drawn[~painted & (distance > SPEC.resolution / 2.0 + RASTER_ERROR)].any()


@settings(max_examples=150)
@given(boxes, near_lane)
@example([("vehicle", 47.0, 0.0, 1.5, 6.0, 1.25)], ("curved_road", 0, 0.0, 0.0, 0.0))
def test_actors_cover_the_cells_in_their_boxes(drawn_boxes, where):
    network, base = place(*where)
    actors = [actor(*box, base=base) for box in drawn_boxes]
    bev = TruthBev(network, SPEC).render(base, actors)
    centres = SPEC.cell_centres()
    for kind in ("vehicle", "pedestrian", "obstacle"):
        covered, reached = np.zeros(centres.shape[:2], bool), np.zeros(centres.shape[:2], bool)
        for _, x, y, yaw, length, width in (box for box in drawn_boxes if box[0] == kind):
            local = np.abs(base_from_map(centres, Pose2(x, y, yaw)))
            outside = np.maximum(local - (length / 2.0, width / 2.0), 0.0)
            covered |= (local < (length / 2.0 - FILL_ERROR, width / 2.0 - FILL_ERROR)).all(axis=-1)
            reached |= np.hypot(*np.moveaxis(outside, -1, 0)) < 0.75 * SPEC.resolution
        plane = bev[SPEC.index(kind)] > 0
        assert plane[covered].all()
        assert reached[plane].all()


@settings(max_examples=250)
@given(st.floats(0.3, 47.7), st.floats(-15.7, 15.7), st.floats(-4.0, 4.0), st.floats(0.05, 0.6), st.floats(0.05, 0.6))
@example(x=6.42, y=-8.91, yaw=-0.7, length=0.16, width=0.57)
@example(x=16.15, y=8.54, yaw=1.0, length=0.17, width=0.51)
def test_the_smallest_actor_shows_in_the_cell_it_stands_in(x, y, yaw, length, width):
    bev = TruthBev(RoadNetwork.load("urban_block"), SPEC).render(
        Pose2(0.0, 0.0, 0.0), [actor("pedestrian", x, y, yaw, length, width)]
    )
    row, column = np.rint(SPEC.cells_from_base(np.array([x, y]))).astype(int)
    assert bev[SPEC.index("pedestrian"), row, column] == 255


def test_row_0_is_far_ahead_and_column_0_is_far_left():
    network = RoadNetwork.load("curved_road")
    base = network.lane_point(60.0, -1.75).pose
    bev = TruthBev(network, SPEC).render(base, [actor("vehicle", 40.0, 10.0, 0.0, 4.0, 2.0, base)])
    rows, columns = np.nonzero(bev[SPEC.index("vehicle")])
    assert rows.mean() == pytest.approx((48.0 - 40.0) / 0.5, abs=1.0)
    assert columns.mean() == pytest.approx((16.0 - 10.0) / 0.5, abs=1.0)
    drivable = bev[SPEC.index("drivable"), 40]
    assert drivable[32 - 10 : 32 + 3].all(), "the oncoming lane lies to the left"
    assert not drivable[: 32 - 11].any()
    assert not drivable[32 + 4 :].any()


def test_a_thin_marking_shows_in_every_row_that_it_runs_through():
    network = RoadNetwork.load("curved_road")
    bev = TruthBev(network, SPEC).render(network.lane_point(60.0, -1.75).pose, ())
    right_edge = bev[SPEC.index("lane_marking"), :, 34:38]
    assert (right_edge.max(axis=1) == 255).all()


def test_every_kind_goes_to_its_own_channel():
    network, base = RoadNetwork.load("proving_ground"), Pose2(0.0, 0.0, 0.0)
    for kind in ("vehicle", "pedestrian", "obstacle"):
        bev = TruthBev(network, SPEC).render(base, [actor(kind, 20.0, 3.0, 0.3, 1.0, 1.0)])
        assert [c for c in ("vehicle", "pedestrian", "obstacle") if bev[SPEC.index(c)].any()] == [kind]


def test_the_ego_is_not_drawn_and_nothing_shows_far_from_the_map():
    network = RoadNetwork.load("urban_block")
    assert not TruthBev(network, SPEC).render(Pose2(4000.0, -4000.0, 1.0), ()).any()
    assert not TruthBev(network, SPEC).render(network.lane_points(20.0)[0].pose, ())[3:].any()


def test_the_edge_of_the_map_is_no_edge_of_the_view():
    """The view reaches over the raster's border on all sides in turn; what lies on the map stays in its place."""
    network = RoadNetwork.load("urban_block")
    bev = TruthBev(network, SPEC)
    for x, y in ((-20.0, 90.0), (300.0, 90.0), (140.0, -20.0), (140.0, 200.0)):
        for yaw in np.linspace(-3.0, 3.0, 7):
            base = Pose2(x, y, float(yaw))
            centres = map_from_base(SPEC.cell_centres(), base).reshape(-1, 2)
            expected = network.on_drivable(centres).reshape(SPEC.shape[1:])
            assert np.mean((bev.render(base, ())[0] > 0) != expected) < 0.02


def test_render_is_a_pure_function():
    network = RoadNetwork.load("urban_block")
    bev, base = TruthBev(network, SPEC), network.lane_points(20.0)[5].pose
    actors = [actor("vehicle", 12.0, 1.0, 0.2, 4.5, 1.9, base)]
    first = bev.render(base, actors)
    kept = first.copy()
    bev.render(Pose2(0.0, 0.0, 0.0), ())
    assert np.array_equal(first, kept)
    assert np.array_equal(bev.render(base, actors), first)
    assert set(np.unique(first)) == {0, 255}


def test_the_spec_decides_extent_resolution_and_channels():
    spec = BevSpec(x_min=-8.0, x_max=24.0, y_min=-4.0, y_max=12.0, resolution=0.25, channels=("vehicle", "drivable"))
    network = RoadNetwork.load("curved_road")
    base = network.lane_point(60.0, -1.75).pose
    bev = TruthBev(network, spec).render(base, [actor("vehicle", -5.0, 2.0, 0.0, 2.0, 1.0, base)])
    assert bev.shape == (2, 128, 64)
    rows, columns = np.nonzero(bev[0])
    assert (rows.mean(), columns.mean()) == pytest.approx((115.5, 39.5), abs=0.6)
    assert bev[1, 60, round((12.0 - 1.75) / 0.25)] == 255
    assert bev[1, 60, 0] == 0


def test_a_channel_that_nothing_draws_is_refused():
    with pytest.raises(MapError, match="no channel elevation"):
        TruthBev(RoadNetwork.load("curved_road"), BevSpec(channels=("drivable", "elevation")))
