"""What can be read of a damaged bag becomes a whole one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim2real_ad.bag.recover import recover_bag
from sim2real_ad.bag.source import open_bag
from sim2real_ad.bag.write import offered_qos
from sim2real_ad.errors import ConfigError, SourceError

from .making import BagMaker, content


def test_a_bag_cut_short_becomes_whole_and_says_what_was_saved(bags: BagMaker, drive, tmp_path: Path) -> None:
    path = bags.mcap(drive)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with open_bag(path) as source:
        readable = list(source.messages())
    recovery = recover_bag(path, tmp_path / "whole")
    with open_bag(tmp_path / "whole") as source:
        assert content(source.messages()) == content(readable)
        assert source.problems == []
    assert sum(recovery.saved.values()) == len(readable) > len(drive) / 3
    assert recovery.saved["/planning/route"] == 1
    assert recovery.until_s == (readable[-1].log_time_ns - drive[0].log_time_ns) / 1e9
    assert len(recovery.problems) == 1
    assert "ends in the middle" in recovery.problems[0]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_whole_bag_is_copied_with_its_quality_of_service(bags: BagMaker, drive, tmp_path: Path, storage: str) -> None:
    recovery = recover_bag(bags.rosbag2(drive, storage, qos=offered_qos(latched=True)), tmp_path / "whole")
    assert recovery.problems == ()
    with open_bag(tmp_path / "whole") as source:
        assert content(source.messages()) == content(drive)
        assert source.topics["/planning/route"].latched


def test_an_old_bag_gets_the_definitions_that_it_lacks(bags: BagMaker, drive, tmp_path: Path) -> None:
    recover_bag(bags.humble_database(drive), tmp_path / "whole")
    data = (tmp_path / "whole" / "whole.mcap").read_bytes()
    assert b"float32 longitudinal_velocity" in data


def test_where_nothing_can_be_read_nothing_is_made(tmp_path: Path) -> None:
    (tmp_path / "noise.mcap").write_bytes(b"noise" * 10)
    with pytest.raises(SourceError, match="noise"):
        recover_bag(tmp_path / "noise.mcap", tmp_path / "whole")
    assert not (tmp_path / "whole").exists()


def test_the_damaged_bag_is_never_written_over(bags: BagMaker, drive) -> None:
    path = bags.rosbag2(drive)
    with pytest.raises(ConfigError, match="exists"):
        recover_bag(path, path)
    with open_bag(path) as source:
        assert content(source.messages()) == content(drive)
