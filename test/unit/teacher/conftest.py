"""Makes `worlds_by_script` importable beside the tests, and skips them where training cannot run."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs the train extra")
pytest.importorskip("carla", reason="driving needs the sim extra")

sys.path.insert(0, str(Path(__file__).parent))

import torch

# Several threads for networks of this size only wait for one another, on a busy machine for long.
torch.set_num_threads(1)
