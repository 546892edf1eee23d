import pytest

from sim2real_ad.errors import SourceError
from sim2real_ad.replay.results import each_frame, read_frames


def test_frames_are_read_as_they_were_written_one_at_a_time(make_frames, tmp_path):
    frames = make_frames(5, time_to_collision=[None, 1.5, None, None, 0.1])
    path = tmp_path / "result.jsonl"
    path.write_text("".join(frame.model_dump_json() + "\n" for frame in frames))
    assert read_frames(path) == frames
    assert next(each_frame(path)) == frames[0]


def test_a_line_that_is_no_frame_is_named(make_frame, tmp_path):
    path = tmp_path / "result.jsonl"
    path.write_text(make_frame(0).model_dump_json() + '\n{"index": 1}\n')
    with pytest.raises(SourceError, match=r"result\.jsonl:2: no frame of a replay"):
        read_frames(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"nowhere\.jsonl: No such file"):
        read_frames(tmp_path / "nowhere.jsonl")
