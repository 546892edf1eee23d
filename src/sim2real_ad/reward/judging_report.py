"""judge.json and judge.html: a recorded run judged by language goals, and where goals and infractions disagree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup

from sim2real_ad.config import StrictModel
from sim2real_ad.evaluation import charts
from sim2real_ad.evaluation.bev_picture import data_uri, encode_png
from sim2real_ad.evaluation.episode_log import EpisodeLog
from sim2real_ad.reward import judging
from sim2real_ad.reward.audit import reward_pages, write_text
from sim2real_ad.reward.audit_figures import Values
from sim2real_ad.reward.judging import JudgedEpisode, Timeline
from sim2real_ad.reward.judging_recording import ScoredEpisode, ScoredRun
from sim2real_ad.reward.view import paint_scene
from sim2real_ad.types import seconds_from_ns

JUDGE_JSON, JUDGE_HTML = "judge.json", "judge.html"
GATE_GAP_S = 0.3
MAX_PICTURES = 60
"""In the whole page: keeps it below a few megabytes."""


class Judgement(StrictModel):
    """judge.json. agreement: AUROC of the scores, other moments over those just before an infraction; record: counts of
    the scorer; problems: what could not be read."""

    scorer: str
    goals: str
    rate_hz: float
    low: float
    foresight_s: float
    agreement: float | None
    missed_infractions: int
    unfounded_alerts: int
    episodes: tuple[JudgedEpisode, ...]
    problems: tuple[str, ...]
    record: dict[str, int | float | str]


@dataclass(frozen=True)
class Disputed:
    """One disagreement as the page shows it. picture: a URI, "" for none."""

    time_s: float
    title: str
    detail: str
    picture: str
    founded_by_gate: bool = False


@dataclass(frozen=True)
class Chapter:
    """One episode on the page."""

    title: str
    episode: JudgedEpisode
    chart: Markup
    disputed: tuple[Disputed, ...]


def judge_episode(scored: ScoredEpisode) -> JudgedEpisode:
    """Hold an episode's scores against its record."""
    log, timeline = scored.log, scored.timeline
    infractions, gate = infractions_of(log), gate_spans(log)
    return JudgedEpisode(
        scenario=log.scenario,
        seed=log.seed,
        success=None if log.result is None else log.result.success,
        samples=len(timeline.times),
        abstained=int(timeline.abstained.sum()),
        mean=judging.means(timeline),
        infractions=judging.judge_infractions(timeline, infractions),
        alerts=judging.find_alerts(timeline, infractions, gate),
        gate=gate,
    )


def write_judgement(out_dir: Path, run: ScoredRun, *, scorer: str, goals: str, rate_hz: float, title: str) -> Judgement:
    """Write judge.json and judge.html. Raises ConfigError where the folder cannot be written."""
    episodes = tuple(judge_episode(scored) for scored in run.episodes)
    judgement = Judgement(
        scorer=scorer,
        goals=goals,
        rate_hz=rate_hz,
        low=judging.LOW,
        foresight_s=judging.FORESIGHT_S,
        agreement=judging.agreement([(s.timeline, infractions_of(s.log)) for s in run.episodes]),
        missed_infractions=sum(i.missed for e in episodes for i in e.infractions),
        unfounded_alerts=sum(not a.founded for e in episodes for a in e.alerts),
        episodes=episodes,
        problems=tuple(run.problems),
        record=run.record,
    )
    page = (
        reward_pages()
        .get_template("judge.html.j2")
        .render(title=title, judgement=judgement, chapters=_chapters(run, episodes), goal_names=_goal_names(run))
    )
    write_text(out_dir / JUDGE_JSON, judgement.model_dump_json(indent=2) + "\n")
    write_text(out_dir / JUDGE_HTML, page)
    return judgement


def infractions_of(log: EpisodeLog) -> list[tuple[str, float]]:
    """Return (kind, s since the start) of an episode's infractions; none where it was not judged."""
    return [] if log.result is None else [(i.kind, i.time_s) for i in log.result.infractions]


def gate_spans(log: EpisodeLog) -> tuple[tuple[float, float], ...]:
    """Return the spans in s since the start in which the gate changed commands."""
    stamps = [seconds_from_ns(event.stamp_ns - log.start_ns) for event in log.gate if event.reasons]
    return tuple((round(a, 3), round(b, 3)) for a, b in charts.spans(stamps, GATE_GAP_S))


def _chapters(run: ScoredRun, episodes: Sequence[JudgedEpisode]) -> list[Chapter]:
    pictures_left = MAX_PICTURES
    chapters = []
    for scored, episode in zip(run.episodes, episodes, strict=True):
        disputed = tuple(_disputed(run, scored, episode, pictures_left))
        pictures_left -= sum(bool(d.picture) for d in disputed)
        title = f"{episode.scenario}, seed {episode.seed}" if episode.scenario else "Recorded drive"
        chapters.append(Chapter(title, episode, _chart(scored, episode), disputed))
    return chapters


def _disputed(run: ScoredRun, scored: ScoredEpisode, episode: JudgedEpisode, pictures: int) -> list[Disputed]:
    found = []
    for infraction in episode.infractions:
        if infraction.missed:
            said = "never scored" if infraction.lowest is None else f"lowest score before it {infraction.lowest:.2f}"
            found.append((infraction.time_s, f"{infraction.kind.replace('_', ' ')} not foreseen", said, False))
    for alert in episode.alerts:
        if not alert.founded:
            said = (
                f"{alert.goal.replace('_', ' ')} {alert.score:.2f}, low from {alert.start_s:.1f} to {alert.end_s:.1f} s"
            )
            found.append((alert.worst_s, "alert without an infraction", said, alert.gate))
    found.sort()
    return [
        Disputed(time_s, title, said, _picture(run, scored, time_s) if index < pictures else "", gate)
        for index, (time_s, title, said, gate) in enumerate(found)
    ]


def _picture(run: ScoredRun, scored: ScoredEpisode, time_s: float) -> str:
    """Return what was scored last at a time, as a URI; "" where nothing had been."""
    shot = next((s for s in reversed(scored.shots) if s.time_s <= time_s + 1e-9), None)
    if shot is None:
        return ""
    if run.view == "camera":
        return data_uri(shot.jpeg, "jpeg") if shot.jpeg else ""
    return data_uri(encode_png(paint_scene(shot.scene(run.spec), run.spec)), "png")


def _chart(scored: ScoredEpisode, episode: JudgedEpisode) -> Markup:
    timeline = scored.timeline
    if not len(timeline.times):
        return Markup("")
    lines = [charts.Line("threshold", np.array([0.0, timeline.times[-1]]), np.full(2, judging.LOW), "threshold")]
    # Its points also stretch the axis over the whole of 0..1.
    ends = [(i.kind, i.time_s) for i in episode.infractions] or [("end", timeline.times[-1])]
    for kind, time_s in ends:
        style = "end" if kind == "end" else "infraction"
        lines.append(charts.Line(kind, np.full(2, time_s), np.array([0.0, 1.0]), style))
    for number, name in enumerate(timeline.names):
        lines += _unbroken(timeline, timeline.values[:, number], name, f"goal goal-{number % 6}")
    lines += _unbroken(timeline, timeline.overall, judging.OVERALL, "overall")
    duration = max(float(timeline.times[-1]), *(time_s for _, time_s in ends))
    return charts.time_chart(lines, "score", duration, episode.gate, height=170.0)


def _unbroken(timeline: Timeline, values: Values, name: str, style: str) -> list[charts.Line]:
    """Return a line as its stretches without an abstention."""
    known = np.flatnonzero(np.isfinite(values))
    runs = np.split(known, np.flatnonzero(np.diff(known) > 1) + 1)
    return [charts.Line(name, timeline.times[run], values[run], style) for run in runs if len(run)]


def _goal_names(run: ScoredRun) -> tuple[str, ...]:
    return run.episodes[0].timeline.names if run.episodes else ()
