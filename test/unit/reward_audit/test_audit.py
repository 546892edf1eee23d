"""An honest scorer is trusted, every liar is caught, and a log of any length stays small and survives a restart."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim2real_ad.errors import ScorerError, SourceError
from sim2real_ad.observation.spec import BevSpec
from sim2real_ad.reward.audit import AUDIT_HTML, AUDIT_JSON, Audit, audit_of, write_audit
from sim2real_ad.reward.audit_log import LOG_FILE, WORST_PER_KIND, AuditLog
from sim2real_ad.reward.faulty import FAULTS, make_faulty, open_guidance
from sim2real_ad.reward.guidance import Guidance
from sim2real_ad.reward.moment import Moment


def logged(guidance: Guidance, drives: Sequence[Any], **settings: Any) -> AuditLog:
    """Fill a log as a training does: several worlds side by side, scores given where a scene was taken."""
    log = AuditLog(**settings)
    for stream, drive in enumerate(drives):
        scores = guidance.score(list(drive.scenes.values()))
        said = dict(zip(drive.scenes, zip(scores.values.tolist(), scores.abstained.tolist(), strict=True), strict=True))
        for index, moment in enumerate(drive.moments):
            value, abstained = said.get(index, (None, False))
            scene = drive.scenes.get(index)
            log.add(
                stream % 4, moment, value, abstained=abstained, scene=scene, scenario="made up", episode_seed=stream
            )
    return log


def test_an_honest_scorer_is_trusted(honest: Guidance, drives: Sequence[Any]) -> None:
    audit = audit_of(logged(honest, drives))
    assert audit.verdict == "trusted", audit.reasons
    assert audit.figures.auroc is not None
    assert audit.figures.auroc.value > 0.99
    assert set(audit.figures.by_danger) == {"collision", "off_road", "stop_line_run"}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_scorer_that_always_lies_is_untrusted(fault: str, honest: Guidance, drives: Sequence[Any]) -> None:
    audit = audit_of(logged(make_faulty(fault, honest), drives))
    assert audit.verdict == "untrusted"
    assert audit.reasons


def test_the_reason_names_the_lie(honest: Guidance, drives: Sequence[Any]) -> None:
    reasons = {f: " ".join(audit_of(logged(make_faulty(f, honest), drives)).reasons) for f in FAULTS}
    assert "praises danger" in reasons["inverted"]
    assert "hardly differ" in reasons["constant"]
    assert "cannot tell" in reasons["random"]
    assert "not numbers" in reasons["nan"]


def test_a_mediocre_scorer_is_suspicious(honest: Guidance, drives: Sequence[Any]) -> None:
    class Half:
        name = "half"

        def score(self, scenes: Sequence[Any]) -> Any:
            said, noise = honest.score(scenes), make_faulty("random").score(scenes)
            return type(said)(np.asarray(0.3 * said.values + 0.7 * noise.values), said.abstained)

        def record(self) -> dict[str, int | float | str]:
            return {}

    assert audit_of(logged(Half(), drives)).verdict == "suspicious"


def test_too_little_evidence_is_no_trust(honest: Guidance, drives: Sequence[Any]) -> None:
    audit = audit_of(logged(honest, drives[:3]))
    assert audit.verdict == "suspicious"
    assert "too little" in audit.reasons[0]
    assert audit_of(AuditLog()).verdict == "suspicious"


def test_faults_are_named_and_need_what_they_need() -> None:
    with pytest.raises(ScorerError, match="constant, inverted, nan, random"):
        make_faulty("sleepy")
    with pytest.raises(ScorerError, match="honest guidance"):
        make_faulty("inverted")


@pytest.mark.parametrize("fault", ["constant", "random", "nan"])
def test_a_liar_is_opened_by_its_name(fault: str, drives: Sequence[Any]) -> None:
    liar = open_guidance(f"faulty:{fault}", "driving", BevSpec())
    assert liar.name == f"faulty:{fault}"
    assert len(liar.score(list(drives[0].scenes.values())).values) == len(drives[0].scenes)


def test_an_unknown_scorer_to_lie_about_is_named() -> None:
    with pytest.raises(ScorerError, match="wizard"):
        open_guidance("faulty:inverted:wizard", "driving", BevSpec())


def test_a_random_liar_gives_a_scene_the_same_answer_in_any_company(drives: Sequence[Any]) -> None:
    scenes, liar = list(drives[0].scenes.values()), make_faulty("random")
    assert liar.score(scenes).values[::-1].tolist() == liar.score(scenes[::-1]).values.tolist()


def test_memory_stays_bounded_and_counts_exact(honest: Guidance, drives: Sequence[Any]) -> None:
    log = logged(honest, list(drives) * 3, capacity=50)
    asked = 3 * sum(len(d.scenes) for d in drives)
    assert all(len(log.rows(kind)) <= 50 for kind in ("safe", "unsafe", "unclear"))
    assert log.counts.asked == asked == log.counts.safe + log.counts.unsafe + log.counts.unclear
    assert log.counts.episodes == 3 * len(drives)
    assert len(log.worst) <= 2 * WORST_PER_KIND
    assert audit_of(log).verdict == "trusted"


def test_what_is_kept_of_a_long_stream_is_a_fair_draw(make_tick: Callable[..., Moment]) -> None:
    log = AuditLog(capacity=400)
    for index in range(8_000):
        log.add(0, make_tick(0.05 * index), index / 8_000)
    kept = log.rows("safe")[:, 2]
    assert len(kept) == 400
    assert abs(kept.mean() - 0.5) < 0.06


def test_abstentions_count_and_too_many_are_untrusted(make_tick: Callable[..., Moment]) -> None:
    log = AuditLog()
    for index in range(200):
        log.add(0, make_tick(0.05 * index), 0.5, abstained=index % 100 != 0)
    audit = audit_of(log)
    assert audit.figures.abstained == 198
    assert audit.verdict == "untrusted"


def test_an_episode_cut_off_by_the_next_one_is_no_infraction(make_tick: Callable[..., Moment]) -> None:
    log = AuditLog()
    for index in range(20):
        log.add(0, make_tick(0.05 * index), 0.9)
    log.add(0, make_tick(0.0), 0.9)
    assert (log.counts.safe, log.counts.unsafe, log.counts.episodes) == (20, 0, 2)


def test_the_end_of_an_episode_decides_though_it_was_not_asked_about(make_tick: Callable[..., Moment]) -> None:
    log = AuditLog()
    log.add(0, make_tick(1.0), 0.9)
    log.add(0, make_tick(1.2, infraction="collision"))
    assert log.counts.unsafe == 1
    assert log.worst[0].truth == "collision"


def test_worlds_side_by_side_do_not_mix(make_tick: Callable[..., Moment]) -> None:
    log = AuditLog()
    for index in range(10):
        log.add(0, make_tick(0.05 * index), 0.9)
        log.add(1, make_tick(0.05 * index), 0.9)
    log.add(0, make_tick(0.6, infraction="collision"))
    log.add(1, make_tick(0.6, success=True))
    assert (log.counts.safe, log.counts.unsafe) == (10, 10)


def test_goals_are_held_against_what_they_are_about(make_tick: Callable[..., Moment]) -> None:
    log = AuditLog(("clear_road", "lane_keeping"))
    for episode in range(8):
        danger: dict[str, Any] = {"gap": 2.0, "closing_speed": 5.0} if episode % 2 else {}
        for index in range(-30, 0):
            log.add(0, make_tick(4.0 + 0.1 * index), 0.9, goal_scores=(0.9, 0.9))
        for index in range(60, 75):
            said = (0.1, 0.9) if episode % 2 else (0.9, 0.5)
            end = "off_road" if index == 74 and not episode % 2 else ""
            log.add(0, make_tick(0.1 * index, **danger, infraction=end), 0.1, goal_scores=said)
    assert audit_of(log).figures.by_goal == {"clear_road": 1.0, "lane_keeping": 1.0}
    with pytest.raises(ValueError, match="1 goal scores for 2 goals"):
        log.add(0, make_tick(9.0), 0.9, goal_scores=(0.5,))


def test_a_log_survives_a_restart(honest: Guidance, drives: Sequence[Any], tmp_path: Path) -> None:
    inverted = make_faulty("inverted", honest)
    first = logged(inverted, drives[:15])
    first.save(tmp_path)
    second = AuditLog.read(tmp_path)
    assert audit_of(second) == audit_of(first)
    assert [d.png for d in second.worst] == [d.png for d in first.worst]
    second.add(0, drives[0].moments[0], 0.4)
    assert second.counts.asked == first.counts.asked + 1


def test_what_was_not_decided_when_a_run_was_killed_is_not_counted(
    make_tick: Callable[..., Moment], tmp_path: Path
) -> None:
    log = AuditLog()
    log.add(0, make_tick(1.0), 0.9)
    log.save(tmp_path)
    assert AuditLog.read(tmp_path).counts.asked == 0


def test_an_audit_is_written_whole_with_pictures_and_fetches_nothing(
    honest: Guidance, drives: Sequence[Any], tmp_path: Path
) -> None:
    logged(make_faulty("inverted", honest), drives).save(tmp_path)
    audit = write_audit(tmp_path, title="a <run>")
    page = (tmp_path / AUDIT_HTML).read_text()
    assert Audit.model_validate(json.loads((tmp_path / AUDIT_JSON).read_text())) == audit
    assert page.count("data:image/png") == len(audit.worst) == 2 * WORST_PER_KIND
    assert "untrusted" in page
    assert "a &lt;run&gt;" in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize("content", [b"", b"not a log", b"PK\x03\x04 cut"])
def test_a_damaged_log_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    (tmp_path / LOG_FILE).write_bytes(content)
    with pytest.raises(SourceError, match=LOG_FILE):
        AuditLog.read(tmp_path)


def test_a_run_without_guidance_has_no_audit(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="trained with guidance"):
        write_audit(tmp_path)
