import html.parser
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from sim2real_ad.cli import main
from sim2real_ad.errors import SourceError
from sim2real_ad.evaluation import charts, report
from sim2real_ad.evaluation.bev_picture import Canvas, paint_layers, paint_mosaic
from sim2real_ad.evaluation.derived import measured_acceleration
from sim2real_ad.evaluation.episode_log import EpisodeLog, Signal, StageTiming
from sim2real_ad.evaluation.report import MAX_DETAILED, choose_detailed, write_report
from sim2real_ad.evaluation.results import RECORDING_FILE, REPORT_FILE, SUMMARY_FILE, EpisodeResult, Infraction
from sim2real_ad.evaluation.waterfall import Step, age_at_last_stage, frame_steps
from sim2real_ad.geometry.frames import map_from_base
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.types import Observation, Pose2

VOID = {"meta", "img", "br", "link", "input"}


class Page(html.parser.HTMLParser):
    """Collects what a page refers to, and complains where tags do not close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.count: dict[str, int] = {}
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.links += [values[key] for key in ("src", "href", "data", "action") if key in values]
        self.ids |= {values["id"]} if "id" in values else set()
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()


@pytest.fixture
def page(run_maker, drive) -> tuple[str, Page]:
    collision = Infraction(kind="collision", time_s=1.4, detail="<b>vehicle</b> 4")
    run = run_maker.write(
        [
            drive(gate_at=(20, 21, 22)),
            drive(scenario="car_following", success=False, infractions=(collision,), start_ns=60 * 10**9),
        ]
    )
    text = write_report(run).read_text()
    return text, Page(text)


def test_the_report_fetches_nothing(page) -> None:
    text, parsed = page
    assert parsed.links
    assert all(link.startswith(("data:image/", "#")) for link in parsed.links)
    assert not re.search(r"https?://|//cdn|@import|url\(", text)
    assert "default-src 'none'" in text


def test_every_link_inside_the_report_leads_somewhere(page) -> None:
    _, parsed = page
    anchors = {link[1:] for link in parsed.links if link.startswith("#")}
    assert anchors
    assert anchors <= parsed.ids


def test_the_report_shows_verdicts_pictures_plots_and_the_way(page) -> None:
    text, parsed = page
    assert "1 of 2 episodes succeeded" in text
    assert "collision at 1.4 s" in text
    assert "✓ success" in text
    assert "✗ failed" in text
    assert parsed.count["img"] == 3 * len(re.findall(r'<figure class="shot"', text))
    assert len(re.findall(r'class="map"', text)) == 2
    assert len(re.findall(r'class="chart time"', text)) == 6
    assert "steering_rate" in text
    assert "s2r drive --scenario all" in text


def test_words_from_a_recording_are_never_markup(page) -> None:
    assert "<b>vehicle</b>" not in page[0]
    assert "&lt;b&gt;vehicle&lt;/b&gt;" in page[0]


def test_the_report_stays_small_with_many_episodes_and_large_pictures(run_maker, drive) -> None:
    drives = [drive(seed=s, seconds=0.4, start_ns=s * 10**10, size=(1280, 720)) for s in range(1, 18)]
    path = write_report(run_maker.write(drives))
    assert path.stat().st_size < 15e6
    assert len(re.findall(r'<section class="episode"', path.read_text())) == MAX_DETAILED
    assert "5 episodes have no pictures" in path.read_text()


def test_a_run_that_was_killed_still_gets_its_report_and_summary(run_maker, drive) -> None:
    run = run_maker.write([drive(), drive(seed=8, start_ns=60 * 10**9)], finish=False)
    (run / SUMMARY_FILE).unlink()
    recording = run / RECORDING_FILE
    recording.write_bytes(recording.read_bytes()[: recording.stat().st_size * 3 // 4])
    text = write_report(run).read_text()
    assert "ends in the middle" in text
    assert json.loads((run / SUMMARY_FILE).read_text())["episodes"] == 2


def test_a_run_without_a_recording_gets_a_report_that_says_so(run_maker, drive) -> None:
    run = run_maker.write([drive()])
    (run / RECORDING_FILE).unlink()
    assert "no recording in the folder" in write_report(run).read_text()


def test_a_drive_without_verdict_is_shown_as_recorded(run_maker, drive) -> None:
    run = run_maker.write([drive()], announce=False)
    (run / "result.jsonl").write_text("")
    text = write_report(run).read_text()
    assert "no verdict" in text
    assert "Recorded drive" in text


def test_an_observation_of_an_unknown_spec_is_left_out_and_the_rest_is_shown(run_maker, drive) -> None:
    run = run_maker.write([drive()])
    data = (run / RECORDING_FILE).read_bytes()
    (run / RECORDING_FILE).write_bytes(data.replace(ObservationSpec().fingerprint.encode(), b"0" * 16))
    text = write_report(run).read_text()
    assert 'class="camera"' in text
    assert "bird's-eye view</small>" not in text


def test_report_command_renews_the_report(run_maker, drive, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_maker.write([drive()])
    assert main.run(["report", str(run)]) == 0
    assert (run / REPORT_FILE).is_file()
    assert "stop_sign" in capsys.readouterr().out


def test_report_of_no_run_is_one_clear_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["report", str(tmp_path)]) == 2
    assert "the folder of a run" in capsys.readouterr().err


def test_report_of_a_damaged_recording_names_it(run_maker, drive) -> None:
    run = run_maker.write([drive()])
    (run / RECORDING_FILE).write_bytes(b"nonsense")
    with pytest.raises(SourceError, match=RECORDING_FILE):
        write_report(run)


def test_details_go_to_one_of_each_scenario_and_then_to_failures() -> None:
    results = [
        EpisodeResult(index=i, scenario=name, seed=i, success=i not in (15, 35))
        for i, name in enumerate(["a"] * 20 + ["b"] * 20)
    ]
    chosen = choose_detailed(results)
    assert len(chosen) == MAX_DETAILED
    assert {("a", 0), ("b", 20), ("a", 15), ("b", 35)} <= chosen


def test_the_mosaic_puts_things_where_they_are_on_the_map() -> None:
    spec = ObservationSpec().bev
    bev = np.zeros(spec.shape, np.uint8)
    row, column = 60, 20
    bev[spec.index("stop_line"), row - 1 : row + 2, column - 1 : column + 2] = 255
    pose = Pose2(100.0, -40.0, 2.1)
    thing = map_from_base(spec.cell_centres()[row, column], pose)
    seen = Observation(0, bev, np.full(spec.shape[1:], 255, np.uint8), bev[None], np.zeros(6), np.zeros((24, 2)), 8.0)
    canvas = Canvas.around(np.array([(100.0, -40.0), (80.0, -5.0)]), margin=20.0)
    alpha = paint_mosaic(canvas, [(pose, seen)], spec)[..., 3].astype(float)
    y, x = (np.average(index, weights=alpha) for index in np.indices(alpha.shape))
    expected = canvas.picture_from_map(thing[None])[0] / canvas.resolution - 0.5
    np.testing.assert_allclose((x, y), expected, atol=1.0)


def test_the_map_is_turned_so_that_the_drive_goes_right() -> None:
    path = np.array([(5.0, 5.0), (5.0, 20.0), (-3.0, 60.0)])
    canvas = Canvas.around(path)
    placed = canvas.picture_from_map(path)
    assert placed[-1, 0] > placed[0, 0]
    assert placed[-1, 1] == pytest.approx(placed[0, 1])
    assert (placed > 0).all()
    assert (placed < (canvas.width, canvas.height)).all()


def test_later_channels_are_painted_above_and_unseen_cells_darker() -> None:
    layers = np.full((2, 1, 2), 255, np.uint8)
    picture = paint_layers(layers, np.array([[255, 0]], np.uint8), ("drivable", "vehicle"))
    assert tuple(picture[0, 0]) == (84, 158, 246)
    assert picture[0, 1].sum() < picture[0, 0].sum() / 2


def test_acceleration_without_its_topic_is_the_slope_of_the_speed() -> None:
    ego = Signal(("x", "y", "yaw", "speed", "yaw_rate"))
    for tick in range(10):
        ego.stamps_ns.append(tick * 50_000_000)
        ego.rows.append((0.0, 0.0, 0.0, 5.0 - 2.0 * tick * 0.05, 0.0))
    _, acceleration = measured_acceleration(EpisodeLog(signals={"ego": ego}))
    np.testing.assert_allclose(acceleration, -2.0)


def test_stage_steps_follow_one_another_in_the_order_of_the_data() -> None:
    log = EpisodeLog()
    for stamp in (0, 50_000_000):
        log.timings += [
            StageTiming(stamp, "policy", stamp + 9_000_000, stamp + 10_000_000),
            StageTiming(stamp, "adapter", stamp, stamp + 8_000_000),
        ]
    found = [(step.name, step.start, step.p50) for step in frame_steps([log])]
    assert found == [("adapter", 0.0, 8.0), ("to policy", 8.0, 1.0), ("policy", 9.0, 1.0)]


def test_one_slow_frame_of_a_hundred_shows_in_the_p99_and_the_maximum_and_not_in_the_median() -> None:
    log = EpisodeLog()
    for frame in range(100):
        stamp, work = frame * 50_000_000, 40_000_000 if frame == 50 else 8_000_000
        log.timings += [
            StageTiming(stamp, "adapter", stamp, stamp + work),
            StageTiming(stamp, "policy", stamp + work, stamp + work + 1_000_000),
        ]
    adapter, whole = frame_steps([log])[0], age_at_last_stage([log])
    assert adapter.p50 == 8.0
    assert 8.0 < adapter.p99 < adapter.max == 40.0
    assert whole is not None
    assert (whole.p50, whole.max) == (9.0, 41.0)


def test_a_frame_that_was_lost_on_the_way_says_nothing_of_the_age_at_the_end() -> None:
    log = EpisodeLog(timings=[StageTiming(0, "adapter", 0, 90_000_000)])
    assert age_at_last_stage([log]) is None
    log.timings += [StageTiming(1, "adapter", 1, 2_000_001), StageTiming(1, "policy", 3_000_001, 4_000_001)]
    whole = age_at_last_stage([log])
    assert whole is not None
    assert whole.max == 4.0


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_ticks_are_few_and_lie_in_range(low: float, span: float) -> None:
    high = low + span
    marks = charts.ticks(low, high) if high > low else []
    assert len(marks) <= 8
    assert all(low - span * 1e-6 <= mark <= high + span * 1e-6 for mark in marks)


def test_a_constant_signal_can_be_drawn() -> None:
    flat = charts.Line("speed", np.array([0.0, 1.0]), np.zeros(2), "measured")
    assert "nan" not in charts.time_chart([flat], "m/s", 1.0)


def test_neighbouring_moments_become_one_band() -> None:
    assert charts.spans([1.0, 1.15, 1.3, 1.45, 4.0], gap=0.2) == [(1.0, 1.45), (4.0, 4.0)]


def test_names_in_charts_are_escaped() -> None:
    assert "<script>" not in charts.waterfall([Step("<script>", 0.0, 1.0, 2.0, 3.0)], "ms")
    assert isinstance(report.charts.rate_bar(None, (0.0, 1.0)), Markup)
