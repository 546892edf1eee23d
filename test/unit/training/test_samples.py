import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.training.samples import Part, Samples, drop_part, joined, read_part, write_part


def numbered(first: int, count: int) -> Part:
    """Samples that can be told apart."""
    numbers = np.arange(first, first + count)
    return Part(
        np.repeat(numbers % 256, 6).reshape(count, 1, 2, 3).astype(np.uint8),
        numbers[:, None].astype(np.float32),
        np.column_stack((numbers, -numbers)).astype(np.float32),
    )


@given(sizes=st.lists(st.integers(0, 7), min_size=1, max_size=6), data=st.data())
def test_samples_come_back_in_the_order_asked_for_whatever_part_they_are_in(sizes, data):
    samples, total = Samples(), 0
    for size in sizes:
        samples.add(numbered(total, size))
        total += size
    assert len(samples) == total
    indices = data.draw(st.lists(st.integers(0, total - 1), max_size=12)) if total else []
    found = samples.gather(np.array(indices, np.int64))
    assert found.features[:, 0].tolist() == indices
    assert found.actions[:, 1].tolist() == [-i for i in indices]
    assert found.corridors[:, 0, 0, 0].tolist() == indices


def test_a_sample_that_there_is_not_is_refused():
    samples = Samples()
    samples.add(numbered(0, 3))
    with pytest.raises(IndexError, match="sample 3 of 3"):
        samples.gather([0, 3])


def test_a_part_comes_back_from_disk_and_can_be_dropped(tmp_path):
    part = joined([numbered(0, 2), numbered(2, 3)])
    write_part(tmp_path / "round_0", part)
    again = read_part(tmp_path / "round_0")
    assert len(again) == 5
    assert np.array_equal(again.corridors, part.corridors)
    assert np.array_equal(again.actions, part.actions)
    samples = Samples()
    samples.add(again)
    samples.gather([4]).features[:] = 0.0
    assert again.features[4, 0] == 4.0, "what was gathered is a copy"
    drop_part(tmp_path / "round_0")
    assert not list((tmp_path / "round_0").iterdir())
