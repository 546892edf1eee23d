import threading
from functools import partial
from itertools import count

import pytest

from sim2real_ad.training.prefetch import AHEAD, prefetched


@pytest.mark.parametrize("number", [0, 1, AHEAD, 3 * AHEAD])
def test_batches_come_in_order_and_none_is_lost(number):
    assert list(prefetched(partial(pow, n, 2) for n in range(number))) == [n * n for n in range(number)]


def test_another_thread_makes_no_more_than_a_few_batches_ahead():
    made: list[int] = []

    def make(n: int) -> str:
        made.append(n)
        return threading.current_thread().name

    batches = prefetched(partial(make, n) for n in count())
    assert next(batches) != threading.current_thread().name
    batches.close()
    assert len(made) <= AHEAD + 1


def test_what_goes_wrong_in_making_a_batch_is_raised_where_it_is_taken():
    batches = prefetched([partial(int, "1"), partial(int, "one")])
    assert next(batches) == 1
    with pytest.raises(ValueError, match="one"):
        next(batches)
