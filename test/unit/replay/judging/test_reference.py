import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.errors import ConfigError, SourceError
from sim2real_ad.replay.reference import ReferenceComparison, check_tolerances, compare_with_reference, field_names

RENEW = "s2r replay drive.mcap --out reference"


@pytest.fixture(scope="session")
def lines(make_frames) -> list[dict]:
    frames = make_frames(30, gap=[10.0 + k for k in range(30)], reasons=[("late",)] * 30)
    return [json.loads(frame.model_dump_json()) for frame in frames]


def copied(lines: list[dict]) -> list[dict]:
    return json.loads(json.dumps(lines))


@pytest.fixture(scope="session")
def compare(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")

    def write(name: str, lines: list[dict]) -> Path:
        path = folder / name
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return path

    def compare(ours: list[dict], theirs: list[dict], **tolerances: float) -> ReferenceComparison:
        return compare_with_reference(write("ours.jsonl", ours), write("theirs.jsonl", theirs), tolerances)

    return compare


def put(line: dict, field: str, value) -> None:
    *parts, last = field.split(".")
    for part in parts:
        line = line[part]
    line[last] = value


def test_a_replay_equals_itself(compare, lines):
    comparison = compare(lines, lines)
    assert comparison.equal
    assert (comparison.frames, comparison.fields, comparison.first) == (30, (), None)
    assert comparison.describe(RENEW) == "equal to the reference: 30 frames compared"


@given(index=st.integers(0, 29), field=st.sampled_from(field_names()), data=st.data())
def test_a_changed_field_of_any_frame_is_found_with_its_stamp(compare, lines, index, field, data):
    other = copied(lines)
    value = data.draw(st.one_of(st.floats(1e3, 1e6), st.text(max_size=5), st.none(), st.just([1, "a"])))
    put(other[index], field, value)
    comparison = compare(lines, other)
    if other == lines:
        assert comparison.equal
        return
    stamp_ns = lines[index]["stamp_ns"]
    assert not comparison.equal
    assert comparison.differing == 1
    assert (comparison.first.index, comparison.first.stamp_ns, comparison.first.field) == (index, stamp_ns, field)
    assert comparison.first.time_s == pytest.approx(index * 0.05)
    assert json.loads(comparison.first.reference) == value
    assert [(f.field, f.frames, f.at_ns) for f in comparison.fields] == [(field, 1, stamp_ns)]


def test_the_first_difference_is_the_earliest_and_in_it_the_nearest_to_the_cause(compare, lines):
    other = copied(lines)
    other[20]["speed"] = 9.0
    other[7]["command"]["acceleration"] = 3.0
    other[7]["action"]["curvature"] = 0.9
    first = compare(other, lines).first
    assert (first.index, first.field, first.replayed) == (7, "action.curvature", "0.9")


def test_the_worst_of_a_field_is_told_with_its_place(compare, lines):
    other = copied(lines)
    for index, error in ((3, 0.1), (11, -0.4), (25, 0.2)):
        other[index]["command"]["acceleration"] += error
    [field] = compare(other, lines).fields
    assert (field.field, field.frames, field.at_ns) == ("command.acceleration", 3, lines[11]["stamp_ns"])
    assert field.worst == pytest.approx(0.4)


def test_a_tolerance_forgives_up_to_its_value_and_still_tells_the_worst(compare, lines):
    other = copied(lines)
    other[4]["speed"] += 0.25
    assert compare(other, lines, speed=0.25).equal
    assert compare(other, lines, speed=0.25).fields[0].worst == 0.25
    assert compare(other, lines, speed=0.25).fields[0].frames == 0
    assert not compare(other, lines, speed=0.2499).equal


def test_a_pattern_covers_the_fields_below_it_and_no_others(compare, lines):
    other = copied(lines)
    other[4]["command"]["acceleration"] += 0.01
    assert compare(other, lines, **{"command.*": 0.02}).equal
    other[4]["request"]["acceleration"] += 0.01
    assert compare(other, lines, **{"command.*": 0.02}).first.field == "request.acceleration"
    assert compare(other, lines, **{"*": 0.02}).equal


def test_the_first_pattern_that_matches_counts(compare, lines):
    other = copied(lines)
    other[4]["command"]["acceleration"] += 0.01
    assert compare(other, lines, **{"command.acceleration": 0.02, "*": 0.0}).equal
    assert not compare(other, lines, **{"*": 0.0, "command.acceleration": 0.02}).equal


@pytest.mark.parametrize(
    ("field", "value"),
    [("time_to_collision", 1.0), ("gap", None), ("state", "fault"), ("reasons", ["late", "x"]), ("driven", None)],
)
def test_what_cannot_be_subtracted_differs_whatever_the_tolerance(compare, lines, field, value):
    other = copied(lines)
    put(other[4], field, value)
    comparison = compare(other, lines, **{"*": 1e9})
    assert not comparison.equal
    assert (comparison.first.field, comparison.fields[0].worst) == (field, None)


def test_a_field_of_another_version_is_absent(compare, lines):
    older = [{name: value for name, value in line.items() if name != "seen"} for line in lines]
    first = compare(lines, older).first
    assert (first.field, first.replayed, first.reference) == ("seen", "0.8", "absent")


def test_not_a_number_equals_itself_and_nothing_else(compare, lines):
    other = copied(lines)
    other[4]["speed"] = float("nan")
    assert compare(other, other).equal
    assert not compare(other, lines, **{"*": 1e9}).equal


def test_frames_on_one_side_only_are_told_and_the_others_compared(compare, lines):
    other = copied(lines)
    comparison = compare(lines[:5] + lines[6:], other[:20] + other[22:])
    assert (comparison.frames, comparison.differing, comparison.equal) == (27, 0, False)
    assert (comparison.missing.frames, comparison.missing.at_ns) == (1, lines[5]["stamp_ns"])
    assert (comparison.added.frames, comparison.added.time_s) == (2, pytest.approx(1.0))


def test_time_counts_from_the_first_frame_of_either_side(compare, lines):
    comparison = compare(lines[10:], lines)
    assert (comparison.missing.frames, comparison.missing.time_s) == (10, 0.0)


def test_a_missing_frame_makes_no_later_index_a_difference(compare, lines):
    shorter = [{**line, "index": index} for index, line in enumerate(lines[1:])]
    assert compare(shorter, lines).differing == 0


@given(st.permutations(range(30)))
def test_the_order_of_the_messages_does_not_matter(compare, lines, order):
    other = copied(lines)
    other[12]["speed"] = 1.0
    comparison = compare(lines, [other[k] for k in order])
    assert (comparison.frames, comparison.differing, comparison.first.index) == (30, 1, 12)


def test_equal_stamps_are_matched_one_to_one(compare, lines):
    twice = [lines[0], lines[0], *lines[1:]]
    assert compare(twice, twice).equal
    assert compare(twice, lines).added.frames == 1


def test_nothing_compared_is_not_equal(compare, lines):
    assert not compare([], []).equal
    assert compare([], lines).missing.frames == 30


def test_the_text_says_where_and_ends_with_the_command_that_renews(compare, lines):
    other = copied(lines)
    other[4]["command"]["acceleration"] = 0.75
    text = compare(other[:-1], lines, speed=0.5).describe(RENEW)
    assert text.splitlines()[0] == "NOT equal to the reference: 29 frames compared, 1 differ"
    assert f"frame 4 at 0.200 s (stamp {lines[4]['stamp_ns']})" in text
    assert "command.acceleration is 0.75, in the reference 0.49" in text
    assert "1 frame only in the reference, the first at 1.450 s" in text
    assert text.endswith(f"renew the reference:\n  {RENEW}")


@pytest.mark.parametrize("line", ["{", "[1]", '{"index": 3}', '{"stamp_ns": "late"}'])
def test_a_line_that_is_no_frame_is_named(tmp_path, lines, line):
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text("".join(json.dumps(each) + "\n" for each in lines))
    bad.write_text(json.dumps(lines[0]) + "\n" + line)
    with pytest.raises(SourceError, match=r"bad\.jsonl:2: no frame of a replay"):
        compare_with_reference(good, bad)


def test_a_reference_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"nowhere\.jsonl: No such file"):
        compare_with_reference(tmp_path / "nowhere.jsonl", tmp_path / "nowhere.jsonl")


@pytest.mark.parametrize("tolerance", [-1.0, float("nan"), float("inf")])
def test_an_impossible_tolerance_is_refused(tolerance):
    with pytest.raises(ConfigError, match="tolerance of speed must be a number from 0 on"):
        check_tolerances({"speed": tolerance})


def test_a_tolerance_that_fits_no_field_is_refused_with_the_fields_there_are():
    with pytest.raises(ConfigError, match=r"comand\.\*: no such field; the fields are .*command\.acceleration"):
        check_tolerances({"comand.*": 0.1})
