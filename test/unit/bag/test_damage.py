"""A bag that is cut short or damaged is read as far as it goes, and says what is lost; nothing raises in the middle."""

from __future__ import annotations

import sqlite3
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.writer import CompressionType, IndexType
from mcap.writer import Writer as McapLibraryWriter

from sim2real_ad.bag.source import open_bag
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation.mcap_stream import RawMessage

from .making import BagMaker, content

Content = list[tuple[str, int, bytes]]
MAGIC_BYTES = 8
FORMS = [
    {},
    {"compression": CompressionType.ZSTD},
    {"compression": CompressionType.LZ4},
    {"use_chunking": False},
    {"index_types": IndexType.NONE},
]


def read(path: Path) -> tuple[Content, list[str]]:
    with open_bag(path) as source:
        return content(source.messages()), source.problems


def chunks_of(path: Path) -> list[tuple[int, int]]:
    """Offset and length of the chunk records of a whole file."""
    data, position, found = path.read_bytes(), MAGIC_BYTES, []
    while position < len(data) - MAGIC_BYTES:
        opcode, length = struct.unpack_from("<BQ", data, position)
        if opcode == 0x06:
            found.append((position, length + 9))
        position += 9 + length
    return found


def overwrite(path: Path, at: int, values: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[at : at + len(values)] = values
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("form", FORMS)
def test_cut_anywhere_a_file_gives_the_beginning_of_what_was_recorded(bags: BagMaker, drive, form: dict) -> None:
    path = bags.mcap(drive, **form)
    whole, everything, before = path.read_bytes(), content(drive), 0
    for size in [*range(MAGIC_BYTES, len(whole), len(whole) // 60), len(whole) - 1]:
        path.write_bytes(whole[:size])
        found, problems = read(path)
        assert found == everything[: len(found)]
        assert len(found) >= before
        assert len(problems) == 1
        assert "drive.mcap ends in the middle, at byte " in problems[0]
        before = len(found)
    assert before == len(everything)


def test_a_rosbag2_cut_short_is_read_to_its_last_whole_chunk(bags: BagMaker, drive) -> None:
    many = [m for _ in range(30) for m in drive]
    folder = bags.rosbag2(many)
    path = folder / "bag.mcap"
    (*_, last) = chunks_of(path)
    path.write_bytes(path.read_bytes()[: last[0] + last[1] // 2])
    found, problems = read(folder)
    assert 0 < len(found) < len(many)
    assert problems == [f"bag.mcap ends in the middle, at byte {last[0]} of {path.stat().st_size} (at 1.954 s)"]


@pytest.mark.parametrize("form", FORMS[:3])
def test_a_damaged_chunk_is_left_out_and_named_by_time_and_topics(bags: BagMaker, drive, form: dict) -> None:
    path = bags.mcap(drive, **form)
    offset, length = chunks_of(path)[4]
    overwrite(path, offset + length // 2, b"\xaa\xbb\xcc\xdd")
    found, problems = read(path)
    assert 0 < len(drive) - len(found) < 40
    lost = [m for m in content(drive) if m not in found]
    assert found == [m for m in content(drive) if m not in lost]
    assert len(problems) == 1
    assert f"a chunk at byte {offset} of drive.mcap cannot be read" in problems[0]
    assert f"(at {(lost[0][1] - drive[0].log_time_ns) / 1e9:.3f} s)" in problems[0]
    assert all(topic in problems[0] for topic, _, _ in lost)


def test_a_damaged_chunk_of_a_file_cut_short_is_left_out_as_well(bags: BagMaker, drive) -> None:
    path = bags.mcap(drive)
    chunks = chunks_of(path)
    (offset, length), (last, _) = chunks[4], chunks[-1]
    overwrite(path, offset + length // 2, b"\xaa\xbb\xcc\xdd")
    path.write_bytes(path.read_bytes()[: last + 20])
    found, problems = read(path)
    assert found == [m for m in content(drive) if m in found]
    assert len(found) > len(drive) / 2
    assert ["ends in the middle" in p or "cannot be read" in p for p in problems] == [True, True]


def test_a_damaged_first_chunk_does_not_hide_the_topics_of_the_others(bags: BagMaker, drive) -> None:
    path = bags.mcap(drive)
    offset, length = chunks_of(path)[0]
    overwrite(path, offset + length // 2, b"\xaa\xbb\xcc\xdd")
    found, problems = read(path)
    assert len(drive) - len(found) < 40
    assert len(problems) == 1


def test_damage_between_the_chunks_does_not_matter_where_there_is_an_index(bags: BagMaker, drive) -> None:
    path = bags.mcap(drive)
    offset, length = chunks_of(path)[3]
    overwrite(path, offset + length, b"\xff" * 9)
    assert read(path) == (content(drive), [])


def test_damage_between_the_chunks_ends_a_file_without_index(bags: BagMaker, drive) -> None:
    path = bags.mcap(drive, index_types=IndexType.NONE)
    offset, length = chunks_of(path)[3]
    overwrite(path, offset + length, b"\xff" * 9)
    found, problems = read(path)
    assert found == content(drive)[: len(found)]
    assert found
    assert [f"is damaged at byte {offset + length}; the rest is lost" in p for p in problems] == [True]


def test_a_damaged_index_is_made_again(bags: BagMaker, drive) -> None:
    path = bags.mcap(drive)
    overwrite(path, path.stat().st_size - 300, b"\x00\x01\x02")
    found, problems = read(path)
    assert found == content(drive)
    assert problems == ["the index of drive.mcap is damaged; it was read front to back"]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_bytes_are_wrong_nothing_is_raised_and_order_is_kept(bags: BagMaker, drive, data) -> None:
    path = bags.folder / "drive.mcap"
    if not path.exists():
        bags.mcap(drive, compression=CompressionType.ZSTD).rename(bags.folder / "whole")
    whole = bytearray((bags.folder / "whole").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(MAGIC_BYTES, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(whole))
    try:
        found, _ = read(path)
    finally:
        path.unlink()
    assert len(found) <= len(drive)
    assert all(a[1] <= b[1] for a, b in pairwise(found))


def test_a_file_that_says_nothing_but_that_it_is_mcap_is_an_empty_bag(tmp_path: Path) -> None:
    (tmp_path / "killed.mcap").write_bytes(b"\x89MCAP0\r\n")
    with open_bag(tmp_path / "killed.mcap") as source:
        assert list(source.messages()) == []
        assert source.problems == ["killed.mcap ends in the middle, at byte 8 of 8"]


def test_topics_of_another_encoding_are_left_out_and_named(bags: BagMaker, drive) -> None:
    path = bags.folder / "mixed.mcap"
    writer = McapLibraryWriter(str(path))
    writer.start()
    schema = writer.register_schema("nav_msgs/msg/Odometry", "ros2msg", drive[2].definition.encode())
    cdr = writer.register_channel("/odometry", "cdr", schema)
    json = writer.register_channel("/notes", "json", 0)
    writer.add_message(json, 1, b"{}", 1)
    writer.add_message(cdr, 2, drive[2].data, 2)
    writer.finish()
    found, problems = read(path)
    assert found == [("/odometry", 2, drive[2].data)]
    assert problems == ["/notes is encoded as 'json', not as cdr; it is left out; topics /notes"]


def test_a_compressed_message_that_is_broken_is_left_out(bags: BagMaker, drive) -> None:
    folder = bags.rosbag2(drive, "sqlite3", "message")
    database = sqlite3.connect(folder / "bag.db3")
    (data,) = database.execute("SELECT data FROM messages WHERE id = 8").fetchone()
    database.execute("UPDATE messages SET data = ? WHERE id = 8", (data[: len(data) // 2],))
    database.commit()
    database.close()
    found, problems = read(folder)
    assert found == [m for n, m in enumerate(content(drive), 1) if n != 8]
    assert len(problems) == 1
    assert drive[7].topic in problems[0]


def test_a_compressed_file_cut_short_is_read_as_far_as_it_goes(bags: BagMaker, drive) -> None:
    many = [m for _ in range(30) for m in drive]
    folder = bags.rosbag2(many, "mcap", "file")
    path = folder / "bag.mcap.zstd"
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 9 // 10])
    found, problems = read(folder)
    assert 0 < len(found) < len(many)
    assert any("bag.mcap ends in the middle" in problem for problem in problems)


def pages_of(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    size = struct.unpack_from(">H", data, 16)[0]
    return size, len(data) // size


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.95])
def test_a_damaged_database_gives_what_is_before_and_behind(bags: BagMaker, drive, share: float) -> None:
    path = bags.humble_database([m for m in drive for _ in range(5)])
    size, pages = pages_of(path)
    overwrite(path, int(pages * share) * size, b"\xff" * size)
    found, problems = read(path)
    assert len(found) > 0.5 * 5 * len(drive)
    assert set(found) <= set(content(drive))
    assert [a for a, b in pairwise(found) if a[1] > b[1]] == []
    assert any("old.db3 is damaged" in problem or "cannot be read" in problem for problem in problems)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_database_cut_short_is_read_as_far_as_possible(bags: BagMaker, drive, share: float) -> None:
    path = bags.humble_database([m for m in drive for _ in range(5)])
    size, pages = pages_of(path)
    path.write_bytes(path.read_bytes()[: int(pages * share) * size])
    found, problems = read(path)
    assert set(found) <= set(content(drive))
    assert len(found) > (share - 0.2) * 5 * len(drive)
    assert any("old.db3 is damaged" in problem for problem in problems)


def test_a_database_without_its_first_page_is_an_error(bags: BagMaker, drive) -> None:
    path = bags.humble_database(drive)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(SourceError, match=r"old\.db3 cannot be read as a rosbag2 database"):
        open_bag(path)


def test_what_a_killed_recorder_left_in_its_log_is_read(bags: BagMaker, drive) -> None:
    path = bags.humble_database(drive[:10])
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    late: RawMessage = drive[20]
    database.execute("INSERT INTO messages (topic_id, timestamp, data) VALUES (1, ?, ?)", (late.log_time_ns, late.data))
    database.commit()  # and never closed: the message is in the log alone
    found, problems = read(path)
    assert found[-1][1:] == (late.log_time_ns, late.data)
    assert problems == []
    database.close()
