import os
import sys
from pathlib import Path

import pytest

pytest.importorskip("stable_baselines3", reason="training needs the train extra")
pytest.importorskip("sb3_contrib", reason="training needs the train extra")
pytest.importorskip("carla", reason="driving needs the sim extra")

# Worker processes import the tasks that they are given by module name.
HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)


@pytest.fixture
def local():
    from sim2real_ad.training.experiment.local_engine import LocalEngine

    engine = LocalEngine(2)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def ray():
    """One small cluster of this machine's own for the tests of a module: it takes seconds to start."""
    pytest.importorskip("ray", reason="the Ray engine needs the cluster extra")
    from sim2real_ad.training.experiment.ray_engine import RayEngine

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", HERE, prepend=os.pathsep)
        engine = RayEngine(2)
        yield engine
        engine.close()


@pytest.fixture(params=["local", "ray"])
def engine(request):
    return request.getfixturevalue(request.param)
