import time

import fake_tasks
import pytest

from sim2real_ad.errors import TrainingError
from sim2real_ad.training.experiment.engine import make_engine


def test_a_cluster_that_is_not_there_is_named_at_once():
    pytest.importorskip("ray", reason="the Ray engine needs the cluster extra")
    started = time.monotonic()
    with pytest.raises(TrainingError, match=r"127\.0\.0\.1:9"):
        list(make_engine("ray", 1, "127.0.0.1:9").map(fake_tasks.double, [1]))
    assert time.monotonic() - started < 30
