import html.parser
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.errors import ConfigError
from sim2real_ad.evaluation.results import CheckpointId, Latency
from sim2real_ad.replay.conditions import JudgedBag, Verdict
from sim2real_ad.replay.reference import FirstDifference, ReferenceComparison
from sim2real_ad.replay.report import (
    MAX_PICTURE_BYTES,
    ReplayPicture,
    fit_pictures,
    render_replay_report,
    write_overview,
    write_replay_report,
)
from sim2real_ad.replay.results import GoalMoment, ReplaySummary
from sim2real_ad.replay.summary import summarize_replay

VOID = {"meta", "img", "input", "br", "link"}
HOSTILE = """</script><script>alert(1)</script>"'&<b>\u2028"""


class Page(html.parser.HTMLParser):
    """A page's links, texts by tag, and script data by id; complains where tags do not close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.data: dict[str, str] = {}
        self.count: dict[str, int] = {}
        self.text = ""
        self._open: list[tuple[str, str]] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag, attrs) -> None:
        values = dict(attrs)
        self.links += [values[key] for key in ("src", "href", "action") if key in values]
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in VOID:
            self._open.append((tag, values.get("id", "")))

    def handle_endtag(self, tag) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data) -> None:
        tag, name = self._open[-1] if self._open else ("", "")
        if tag == "script" and name:
            self.data[name] = self.data.get(name, "") + data
        elif tag not in ("script", "style"):
            self.text += data

    def json(self, name: str):
        return json.loads(self.data[name])


def pictures_of(frames, size: int = 10) -> list[ReplayPicture]:
    return [ReplayPicture(frame.stamp_ns, b"\xff\xd8" + bytes(size), b"\x89PNG" + bytes(size)) for frame in frames]


def failed(condition: str, frame) -> Verdict:
    facts = {"quantity": "max of ood", "bound": "at most 0.9", "value": 0.95}
    return Verdict(condition=condition, outcome="failed", at_ns=frame.stamp_ns, at_s=0.5, **facts)


@pytest.fixture
def render(make_frames):
    def render(frames, pictures=(), verdicts=(), comparison=None, **facts) -> Page:
        summary = summarize_replay(frames, **{"bag": "a drive", "recorded_frames": len(frames), **facts})
        bag = JudgedBag(Path("a"), summary, tuple(verdicts), comparison)
        return Page(render_replay_report(bag, frames, pictures, "s2r replay --renew"))

    return render


def test_the_page_stands_alone(make_frames, render):
    page = render(make_frames(20), pictures_of(make_frames(20)))
    assert all(link.startswith("#") for link in page.links)
    assert {shot["camera"].partition(",")[0] for shot in page.json("pictures")} == {"data:image/jpeg;base64"}


def test_every_moment_is_in_s_since_the_first_frame(make_frames, render):
    frames = make_frames(20)
    first = FirstDifference(
        index=4, stamp_ns=frames[4].stamp_ns, time_s=0.2, field="speed", replayed="1.0", reference="2.0"
    )
    page = render(
        frames,
        pictures_of(frames[3:5]),
        [failed("a view", frames[10])],
        ReferenceComparison(frames=20, equal=False, differing=1, first=first),
        moments=(GoalMoment(stamp_ns=frames[15].stamp_ns, goal="keep_lane", score=0.125),),
    )
    assert [shot["t"] for shot in page.json("pictures")] == [0.15, 0.2]
    assert [(mark["t"], mark["kind"]) for mark in page.json("replay")["marks"]] == [
        (0.2, "reference"),
        (0.5, "failed"),
        (0.75, "goal"),
    ]
    assert "#t=0.500" in page.links


def test_the_tables_hold_the_figures(make_frames, render):
    page = render(
        make_frames(20, reasons=[("steering_rate",)] * 5 + [()] * 15),
        verdicts=[
            Verdict(condition="lag", outcome="not judged", quantity="q", bound="at most 1", reason="no latency known")
        ],
        checkpoint=CheckpointId(name="student", sha256="abc123"),
        problems=("a gap of 2 s",),
        left_out=("goals: no scorer",),
        latency_ms=Latency(p50=21.0, p99=43.0, max=65.0),
        goals={"keep_lane": 0.875},
    )
    for shown in (
        "steering rate",
        "25.0 %",
        "not judged",
        "no latency known",
        "abc123",
        "a gap of 2 s",
        "goals: no scorer",
        "43.0 ms",
        "0.88",
        "command.steering_tire_angle",
    ):
        assert shown in page.text


def test_the_comparison_stands_as_text_with_its_command(make_frames, render):
    comparison = ReferenceComparison(frames=3, equal=False, differing=2)
    assert "renew the reference:\n  s2r replay --renew" in render(make_frames(3), comparison=comparison).text


def test_no_text_can_leave_its_place(make_frame, render):
    def page_with(text: str) -> Page:
        frames = [make_frame(k, state=text, reasons=(text,)) for k in range(3)]
        facts = {"bag": text, "error": text, "problems": (text,), "left_out": (text,), "goals": {text: 0.5}}
        return render(frames, verdicts=[failed(text, frames[1])], camera=text, **facts)

    page = page_with(HOSTILE)
    assert page.count == page_with("harmless").count
    assert page.json("replay")["states"][0]["name"] == HOSTILE
    assert HOSTILE in page.json("replay")["marks"][0]["text"]


def test_a_bag_that_could_not_be_replayed_gives_a_page_that_says_why(render):
    page = render([], error="a.mcap: no camera topic", problems=("stamps go back at 3.0 s",))
    assert "a drive: could not be replayed" in page.text
    assert "a.mcap: no camera topic" in page.text
    assert "there is nothing to draw" in page.text
    assert "The gate changed no command" not in page.text
    assert page.data == {}


def test_a_bag_without_pictures_is_drawn_all_the_same(make_frames, render):
    page = render(make_frames(3))
    assert page.json("pictures") == []
    assert "There are no pictures of this bag." in page.text
    assert page.count.get("img", 0) == 0


def test_one_frame_gives_a_page(make_frames, render):
    page = render(make_frames(1), pictures_of(make_frames(1)))
    assert page.json("replay")["duration"] == 0.0


def test_pictures_without_a_bird_view_have_no_place_for_one(make_frames, render):
    pictures = [ReplayPicture(frame.stamp_ns, b"\xff\xd8", b"") for frame in make_frames(3)]
    page = render(make_frames(3), pictures)
    assert page.count["img"] == 1
    assert page.json("pictures")[0]["bev"] == ""


@given(st.lists(st.integers(1, 400), max_size=40), st.integers(0, 2000))
def test_as_many_pictures_as_fit_are_kept_with_the_first(sizes, most):
    pictures = [ReplayPicture(k, bytes(size), b"") for k, size in enumerate(sizes)]
    kept = fit_pictures(pictures, most)
    assert sum(len(p.jpeg) for p in kept) <= most
    assert [p.stamp_ns for p in kept] == sorted({p.stamp_ns for p in kept})
    if sum(sizes) <= most:
        assert kept == pictures
    if kept:
        assert kept[0] is pictures[0]


def test_a_page_with_too_many_pictures_says_so_and_stays_small(make_frames):
    frames = make_frames(40)
    pictures = pictures_of(frames, MAX_PICTURE_BYTES // 60)
    text = render_replay_report(JudgedBag(Path("a"), summarize_replay(frames, bag="a")), frames, pictures)
    assert len(text) < 15_000_000
    assert "of 40 pictures are shown" in text


def test_an_hour_of_frames_gives_a_small_page(make_frame):
    frames = [make_frame(k) for k in range(3000)]
    text = render_replay_report(JudgedBag(Path("a"), summarize_replay(frames, bag="a")), iter(frames), [])
    assert len(text) < 1_000_000


def test_a_report_is_written_where_it_is_asked_for(make_frames, tmp_path):
    frames = make_frames(3)
    path = write_replay_report(tmp_path / "new", summarize_replay(frames, bag="a"), iter(frames), [], unfamiliar=0.9)
    assert path == tmp_path / "new" / "report.html"
    assert '"limit":0.9' in path.read_text()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"):
        write_replay_report(tmp_path / "file", ReplaySummary(bag="a"), [], [])


def test_the_overview_has_a_row_a_bag_and_links_to_its_report(make_frames, tmp_path):
    frames = make_frames(20)
    folder = tmp_path / "a bag"
    write_replay_report(folder, summarize_replay(frames, bag="first"), frames, [])
    bags = [
        JudgedBag(folder, summarize_replay(frames, bag="first"), (failed("familiar view", frames[3]),)),
        JudgedBag(tmp_path / "b", ReplaySummary(bag=HOSTILE, error="no camera topic")),
        JudgedBag(tmp_path / "c", ReplaySummary(bag="third"), (), ReferenceComparison(frames=3, equal=True)),
    ]
    page = Page(write_overview(tmp_path, bags).read_text())
    assert page.links == ["a%20bag/report.html"]
    assert "3 bags: 1 passed, 1 failed, 1 could not be replayed" in page.text
    for shown in ("first", HOSTILE, "familiar view", "no camera topic"):
        assert shown in page.text
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert (summary["passed"], summary["failed"], summary["error"], summary["not_judged"]) == (1, 1, 1, 0)
    assert [bag["outcome"] for bag in summary["bags"]] == ["failed", "error", "passed"]
    assert summary["bags"][0]["verdicts"][0]["condition"] == "familiar view"


def test_an_overview_of_no_bags_is_a_page(tmp_path):
    assert "0 bags" in Page(write_overview(tmp_path, []).read_text()).text
