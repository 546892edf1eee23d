"""Which folders and files are bags."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from sim2real_ad.bag.source import find_bags, open_bag
from sim2real_ad.errors import ConfigError, SourceError

from .making import BagMaker, content


def test_bags_are_found_at_any_depth_sorted_and_once(bags: BagMaker, drive) -> None:
    root = bags.folder / "drives"
    for name in ("b", "a/deep"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        bags.rosbag2(drive[:3], name=f"drives/{name}")
    (root / "c").mkdir()
    lone = bags.mcap(drive[:3], name="drives/c/recording.mcap")
    (root / "c" / "report.html").write_text("no bag")
    expected = [root / "a" / "deep", root / "b", root / "c"]
    assert find_bags([root]) == expected
    assert find_bags([root / "c", lone, root, root / "b", root / "a" / ".." / "b"]) == expected
    assert find_bags([lone]) == [lone]


def test_files_that_are_no_split_of_one_recording_are_bags_of_their_own(bags: BagMaker, drive) -> None:
    monday, tuesday = bags.mcap(drive[:3], "monday.mcap"), bags.mcap(drive[:3], "tuesday.mcap")
    assert find_bags([bags.folder]) == [monday, tuesday]
    with pytest.raises(SourceError, match=r"several bags.*monday\.mcap, tuesday\.mcap"):
        open_bag(bags.folder)


def test_a_number_alone_makes_no_split(bags: BagMaker, drive) -> None:
    first, second = bags.mcap(drive[:3], "drive.mcap"), bags.mcap(drive[:3], "drive_2.mcap")
    assert find_bags([bags.folder]) == [first, second]


def test_a_file_and_its_compressed_copy_are_read_once(bags: BagMaker, drive) -> None:
    bags.mcap(drive, "rec.mcap")
    (bags.folder / "rec.mcap.zstd").write_bytes(zstandard.compress((bags.folder / "rec.mcap").read_bytes()))
    assert find_bags([bags.folder]) == [bags.folder]
    with open_bag(bags.folder) as source:
        assert content(source.messages()) == content(drive)


def test_numbered_files_are_one_recording_in_the_order_of_numbers(bags: BagMaker, drive) -> None:
    for number in (0, 2, 10):
        bags.mcap(drive[number : number + 1], f"rec_{number}.mcap")
    assert find_bags([bags.folder]) == [bags.folder]
    with open_bag(bags.folder) as source:
        assert content(source.messages()) == content([drive[0], drive[2], drive[10]])


@pytest.mark.parametrize("content_of_it", [None, "no bag"])
def test_where_no_bag_is_the_argument_is_named(tmp_path: Path, content_of_it: str | None) -> None:
    path = tmp_path / "thing"
    if content_of_it is not None:
        path.mkdir()
        (path / "notes.txt").write_text(content_of_it)
    with pytest.raises(ConfigError, match="thing: no"):
        find_bags([path])
    with pytest.raises(ConfigError, match="no bag was named"):
        find_bags([])


def test_a_folder_of_bags_is_no_bag_and_its_bags_are_named(bags: BagMaker, drive) -> None:
    bags.rosbag2(drive[:3], name="monday")
    bags.rosbag2(drive[:3], name="tuesday")
    with pytest.raises(SourceError, match=r"holds bags.*monday, tuesday"):
        open_bag(bags.folder)


def test_a_missing_file_of_a_split_bag_is_a_problem_and_the_rest_is_read(bags: BagMaker, drive) -> None:
    path = bags.split(drive)
    (path / "split_1.mcap").unlink()
    with open_bag(path) as source:
        third = len(drive) // 3
        assert content(source.messages()) == content([*drive[:third], *drive[2 * third :]])
        assert source.problems == ["split_1.mcap is missing; its messages are left out"]


def test_a_bag_whose_files_are_all_missing_is_an_error(bags: BagMaker, drive) -> None:
    path = bags.rosbag2(drive[:3])
    (path / "bag.mcap").unlink()
    assert find_bags([path]) == [path]
    with pytest.raises(SourceError, match=r"files are missing: bag\.mcap"):
        open_bag(path)


@pytest.mark.parametrize("text", ["", "rosbag2_bagfile_information: [", "other: 1", "- 1"])
def test_unreadable_metadata_is_a_problem_and_the_files_are_read(bags: BagMaker, drive, text: str) -> None:
    path = bags.rosbag2(drive)
    (path / "metadata.yaml").write_text(text)
    with open_bag(path) as source:
        assert content(source.messages()) == content(drive)
        assert source.problems == ["metadata.yaml cannot be read; the files beside it were taken"]


def test_an_empty_file_of_a_split_bag_is_a_problem(bags: BagMaker, drive) -> None:
    path = bags.split(drive)
    (path / "split_2.mcap").write_bytes(b"")
    with open_bag(path) as source:
        assert content(source.messages()) == content(drive[: 2 * len(drive) // 3])
        assert len(source.problems) == 1
        assert "split_2.mcap is empty" in source.problems[0]
