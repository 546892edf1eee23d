"""What a person outlined in a photograph, against what the adapter says of it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.config import share_path
from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.outlines import Agreement, Outlines, agreement, describe_iou, load_outlines
from sim2real_ad.evaluation.transfer import Overlap
from sim2real_ad.observation.perception import UNSEGMENTED, Perception
from sim2real_ad.observation.segments import SEGMENTS

VEHICLE = SEGMENTS.index("vehicle")


def box(left, top, right, bottom):
    """Corners of the pixels left..right and top..bottom, both ends included."""
    return ((left, top), (right, top), (right, bottom), (left, bottom))


def pixels(both, either):
    return Overlap(both=both, either=either)


def outlines(**outline):
    return Outlines(width=20, height=10, photographs={"a.jpg": {"road": (box(0, 5, 19, 9),)} | outline})


def seen(drivable=None, segments=None):
    """Return a perception of 20 x 10 pixels that sees road in the lower half and nothing else."""
    shown = np.zeros((10, 20), np.float32)
    shown[5:] = 1.0
    nothing = np.zeros((10, 20), np.uint8)
    return Perception(
        bev=np.zeros((1, 1, 1), np.float32),
        validity=np.ones((1, 1), np.bool_),
        drivable_image=shown if drivable is None else drivable,
        segment_image=nothing if segments is None else segments,
        ood=0.0,
        pitch_deg=0.0,
    )


def with_vehicle(left, right):
    segments = np.zeros((10, 20), np.uint8)
    segments[5:, left : right + 1] = VEHICLE
    return segments


def test_what_is_seen_as_it_was_outlined_agrees_wholly():
    assert agreement(seen(), outlines(), "a.jpg") == Agreement(road=pixels(100, 100), vehicles=pixels(0, 0))


def test_a_half_that_is_missed_and_a_half_that_is_made_up_count_alike():
    low, high = np.zeros((10, 20), np.float32), np.ones((10, 20), np.float32)
    low[5:, :10] = 1.0
    assert agreement(seen(low), outlines(), "a.jpg").road == pixels(50, 100)
    assert agreement(seen(high), outlines(), "a.jpg").road == pixels(100, 200)


def test_pixels_that_the_adapter_does_not_tell_are_not_judged():
    shown = seen().drivable_image.copy()
    shown[7:] = math.nan
    assert agreement(seen(shown), outlines(), "a.jpg").road == pixels(40, 40)


def test_a_vehicle_is_no_road_and_is_judged_by_the_segments():
    outlined = outlines(vehicles=(box(0, 5, 3, 9),))
    found = agreement(seen(segments=with_vehicle(2, 5)), outlined, "a.jpg")
    assert found.vehicles == pixels(10, 30)
    assert found.road == pixels(80, 100)


def test_where_the_level_view_does_not_reach_no_vehicle_is_missed():
    unreached = np.full((10, 20), UNSEGMENTED, np.uint8)
    assert agreement(seen(segments=unreached), outlines(vehicles=(box(0, 5, 3, 9),)), "a.jpg").vehicles == pixels(0, 0)


def test_what_is_ignored_counts_for_nothing():
    outlined = outlines(vehicles=(box(0, 5, 3, 9),), ignored=(box(0, 0, 9, 9),))
    assert agreement(seen(segments=with_vehicle(8, 11)), outlined, "a.jpg") == Agreement(
        road=pixels(50, 50), vehicles=pixels(0, 10)
    )


def test_a_photograph_without_an_outline_or_of_another_size_is_not_judged():
    assert agreement(seen(), outlines(), "b.jpg") is None
    other = Outlines(width=21, height=10, photographs={"a.jpg": {"road": (box(0, 5, 19, 9),)}})
    assert agreement(seen(), other, "a.jpg") is None


@given(st.lists(st.tuples(*[st.integers(0, 99)] * 4), max_size=5))
def test_all_photographs_count_by_their_pixels(counts):
    every = sum((Agreement(road=pixels(a, a + b), vehicles=pixels(c, c + d)) for a, b, c, d in counts), Agreement())
    sums = [sum(column) for column in zip(*counts, strict=True)] or [0] * 4
    assert every == Agreement(road=pixels(sums[0], sums[0] + sums[1]), vehicles=pixels(sums[2], sums[2] + sums[3]))


def test_an_iou_is_told_where_anybody_claims_anything():
    assert describe_iou(pixels(1, 4)) == "0.25"
    assert describe_iou(pixels(0, 0)) == "-"


@pytest.mark.parametrize("name", sorted(p.stem for p in (share_path() / "config/outlines").glob("*.yaml")))
def test_the_shipped_outlines_lie_in_their_photographs(name):
    loaded = load_outlines(name)
    for outline in loaded.photographs.values():
        corners = np.concatenate([np.array(p) for p in (*outline.road, *outline.vehicles, *outline.ignored)])
        assert (corners >= 0).all()
        assert (corners < (loaded.width, loaded.height)).all()


def test_a_polygon_of_two_corners_is_refused(tmp_path):
    path = tmp_path / "two.yaml"
    path.write_text("{width: 9, height: 9, photographs: {a.jpg: {road: [[[0, 0], [1, 1]]]}}}")
    with pytest.raises(ConfigError, match="road"):
        load_outlines(str(path))
