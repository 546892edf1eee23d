import numpy as np
import pytest

from sim2real_ad.observation.lane_lines import LEAST_LENGTH, find_lane_lines

AHEAD = np.arange(40.0, 4.0, -0.5)
LEFT = np.arange(8.0, -8.0, -0.1)
KNOWN = np.ones((len(AHEAD), len(LEFT)), bool)


def painted(*places, near: float = 0.0, far: float = 99.0) -> np.ndarray:
    """Stripes 0.3 m wide; a place gives the line's y at a distance."""
    paint = np.zeros(KNOWN.shape, np.float32)
    for place in places:
        for row, x in enumerate(AHEAD):
            if near <= x <= far:
                paint[row, np.abs(LEFT - place(x)) < 0.15] = 1.0
    return paint


def test_straight_and_bent_lines_are_found_where_they_were_painted():
    def bent(x):
        return -2.0 - 0.003 * x * x

    lines = find_lane_lines(painted(lambda x: 2.0 - 0.02 * x, bent), KNOWN, AHEAD, LEFT)
    assert len(lines) == 2
    for line in lines:
        place = bent if line[0, 1] < 0 else lambda x: 2.0 - 0.02 * x
        assert np.abs(line[:, 1] - [place(x) for x in line[:, 0]]).max() < 0.08
        assert (np.diff(line[:, 0]) > 0).all()


def test_dashes_are_one_line():
    paint = painted(lambda x: 1.0 + 0.05 * x)
    paint[(AHEAD % 9.0) > 4.0] = 0.0
    lines = find_lane_lines(paint, KNOWN, AHEAD, LEFT)
    assert len(lines) == 1
    assert np.ptp(lines[0][:, 0]) > 30.0


@pytest.mark.parametrize(("length", "count"), [(LEAST_LENGTH - 1.0, 0), (LEAST_LENGTH + 1.0, 1)])
def test_short_marks_are_no_line(length, count):
    assert len(find_lane_lines(painted(lambda x: 0.0, near=8.0, far=8.0 + length), KNOWN, AHEAD, LEFT)) == count


def test_wide_bright_areas_are_no_line():
    paint = np.zeros(KNOWN.shape, np.float32)
    paint[:, np.abs(LEFT) < 1.0] = 1.0
    assert find_lane_lines(paint, KNOWN, AHEAD, LEFT) == []


def test_what_the_edge_of_the_view_cuts_is_left_out():
    known = KNOWN.copy()
    known[:, LEFT > 2.0] = False
    assert find_lane_lines(painted(lambda x: 2.0), known, AHEAD, LEFT) == []
    assert len(find_lane_lines(painted(lambda x: 1.5), known, AHEAD, LEFT)) == 1
