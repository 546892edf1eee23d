from pathlib import Path

import cv2
import numpy as np
import pytest

from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.photographs import find_photographs, read_photograph, unique_stems


def picture(height: int = 40, width: int = 60) -> np.ndarray:
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[..., 0] = np.linspace(0, 255, width)
    rgb[..., 1] = np.linspace(0, 255, height)[:, None]
    return rgb


def save(path: Path, rgb: np.ndarray | None = None) -> Path:
    assert cv2.imwrite(str(path), (picture() if rgb is None else rgb)[..., ::-1])
    return path


def test_a_png_comes_back_in_rgb_to_the_bit_and_a_jpeg_nearly(tmp_path):
    assert np.array_equal(read_photograph(save(tmp_path / "a.png")), picture())
    difference = read_photograph(save(tmp_path / "a.jpg")).astype(int) - picture()
    assert np.abs(difference).mean() < 5.0


def test_a_grey_or_transparent_picture_becomes_rgb(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.png"), picture()[..., 0])
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack((picture(), picture()[..., 0])))
    assert read_photograph(tmp_path / "grey.png").shape == (40, 60, 3)
    assert read_photograph(tmp_path / "alpha.png").shape == (40, 60, 3)


@pytest.mark.parametrize("name", ["cut.jpg", "cut.png"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_a_picture_that_was_cut_off_is_refused_by_name(tmp_path, name, share):
    path = save(tmp_path / name, np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(SourceError, match=rf"{name}: .* bytes without an end: it was cut off"):
        read_photograph(path)


def test_a_png_with_a_flipped_byte_is_refused(tmp_path):
    path = save(tmp_path / "flipped.png")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"flipped.png: wrong checksum in PNG chunk b'IDAT'"):
        read_photograph(path)


@pytest.mark.parametrize(
    "content", [b"", b"not a picture", b"GIF89a", b"\xff\xd8\xff\xe0 nothing \xff\xda more \xff\xd9"]
)
def test_what_is_no_picture_is_refused_by_name(tmp_path, content):
    (tmp_path / "bad.jpg").write_bytes(content)
    with pytest.raises(SourceError, match=r"bad\.jpg"):
        read_photograph(tmp_path / "bad.jpg")


def test_a_missing_file_is_refused_with_the_reason(tmp_path):
    with pytest.raises(SourceError, match=r"none\.png cannot be read: No such file"):
        read_photograph(tmp_path / "none.png")


def test_folders_give_their_photographs_in_order_and_each_file_counts_once(tmp_path):
    for name in ("b.JPG", "a.png", "c.jpeg"):
        save(tmp_path / f"x{Path(name).suffix.lower()}").rename(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "deep").mkdir()
    save(tmp_path / "deep" / "d.png")
    found = find_photographs([tmp_path / "c.jpeg", tmp_path, tmp_path / "deep" / ".." / "a.png"])
    assert [path.name for path in found] == ["c.jpeg", "a.png", "b.JPG"]


def test_a_folder_without_photographs_is_named(tmp_path):
    with pytest.raises(SourceError, match=f"no photograph found in {tmp_path}"):
        find_photographs([tmp_path])
    with pytest.raises(SourceError, match="no photograph given"):
        find_photographs([])


def test_results_of_files_with_one_name_do_not_overwrite_each_other():
    paths = [Path(p) for p in ("a/x.jpg", "b/x.png", "c/X.jpg", "x_2.jpg", "y.jpg")]
    stems = unique_stems(paths)
    assert stems == ["x", "x_2", "X_3", "x_2_2", "y"]
    assert len({stem.casefold() for stem in stems}) == len(stems)
