import pytest

pytest.importorskip("torch", reason="training needs the train extra")
