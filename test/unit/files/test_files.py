"""Files are written whole."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sim2real_ad.files import replacing, write_arrays, write_json, write_text


def test_a_writer_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "result.json"
    write_json(path, {"steps": 1})

    def fail():
        with replacing(path) as file:
            file.write(b"{")
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        fail()
    assert json.loads(path.read_text()) == {"steps": 1}


def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "note.txt"
    write_text(path, "old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_come_back_as_they_were(tmp_path, compressed):
    path = tmp_path / "held.npz"
    write_arrays(path, {"a": np.arange(3), "b": np.float32(0.5)}, compressed=compressed)
    with np.load(path) as held:
        assert np.array_equal(held["a"], np.arange(3))
        assert held["b"] == np.float32(0.5)
    assert [p.name for p in tmp_path.iterdir()] == ["held.npz"]
