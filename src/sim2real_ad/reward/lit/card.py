"""The default scorer's model card and console table, written from its figures."""

from __future__ import annotations

from typing import Any

from sim2real_ad.reward.lit.figures import LEAST_AUROC, UNRELATED_BAND, ScorerFigures, Spread

_TEMPLATE = """# Model card: lit-minilm, the default scorer

**What it is.** Locked-image-text tuning: two frozen towers from Python packages (EfficientNet-lite0, ImageNet,
Apache-2.0; all-MiniLM-L6-v2 sentence embeddings, Apache-2.0) and, trained here, a head of {head_kb} kB that brings
picture maps and sentence embeddings into one space of 128 numbers. It works offline on a CPU.

**What it is not.** A foundation model. It was trained in-domain: on drawn bird's-eye pictures (`reward/view.py`) of the
embedded world and on captions made from ground truth. It knows gaps, collisions, lane position, heading, the road's
edge, stop lines, speed, steering, bends, vehicles, pedestrians and obstacles, and nothing else: no photographs, no
weather, no intentions. A sentence that its text side takes for unrelated to these is mapped to one neutral point, so a
pair of such sentences is exactly undecided about every picture. Margins are comparable only within one goal.

**Trained on** {drives} drives of an expert that is deceived and pushed, on {maps}
(seeds {first} to {last}): {moments} pictures, {unsafe:.0%} of them unsafe. No picture of the map {unseen_map}
was trained on or calibrated with. While the scorer was being made, validation seeds of that map were looked at, and one
round of the figures below: in it an unrelated pair was not undecided, so the relevance was made stricter and the
unrelated pairs were replaced by new ones. The calibration (`calibration.yaml`) comes from validation seeds on the
training's maps.

**Unsafe** is a moment in which the car, going on along its present arc at its present speed, reaches within 1 s what
now stands there (or touches it), or has a corner off the road now or within 0.8 s, or runs a stop line that it has not
served. The others are taken where they stand: one picture does not show how they move.

**Not for** a public road, nor alone for safety: rewards are bounded by the simulator's truth besides. Sentences far
from the captions' words may be misjudged (see the least pairs below); the weakest are sentences about stop lines and
about danger in general.

**Make it again:** `s2r scorer train --out DIR`. **Measure it:** `s2r scorer evaluate`.

## AUROC, unsafe against safe, evaluation seeds
"together" is the mean margin of all pairs, which is how guidance uses them; "least" is the weakest single pair.

{unseen}

{seen}
"""


def scorer_card(record: dict[str, Any], unseen: ScorerFigures, seen: ScorerFigures) -> str:
    """Write the card (Markdown)."""
    return _TEMPLATE.format(
        head_kb=record["head_bytes"] // 1000,
        drives=record["drives"],
        maps=" and ".join(record["maps"]),
        first=record["seeds"][0],
        last=record["seeds"][1],
        moments=record["moments"],
        unsafe=record["unsafe_share"],
        unseen_map=record["unseen_map"],
        unseen=_section(f"A map never seen ({record['unseen_map']})", unseen),
        seen=_section("The training's maps", seen),
    )


def figure_rows(figures: ScorerFigures) -> list[tuple[str, str, str, str, str, str]]:
    """Return rows (what, pairs, together, mean, least, greatest) for a table."""
    one = [("VLM-RL's two sentences", figures.vlm_rl), ("all driving goals, the least", figures.all_goals)]
    rows = [_row(f"goal {name}", spread) for name, spread in figures.goals.items()]
    rows += [(what, "", f"{value:.3f}", "", "", "") for what, value in one]
    rows += [_row(f"paraphrases never seen: {kind}", spread) for kind, spread in figures.paraphrases.items()]
    rows.append(_row(f"unrelated ({figures.undecided_pairs} exactly undecided)", figures.unrelated))
    rows.append(_row("near the road, not in the picture", figures.near_domain))
    return rows


def verdicts(figures: ScorerFigures) -> list[tuple[str, bool]]:
    """Return (what is asked, whether it is reached)."""
    low, high = UNRELATED_BAND
    return [
        (f"unsafe against safe at least {LEAST_AUROC} in every way of asking", figures.tells_unsafe),
        (f"every unrelated pair between {low} and {high}", figures.is_indifferent),
    ]


def _row(what: str, spread: Spread) -> tuple[str, str, str, str, str, str]:
    values = (spread.together, spread.mean, spread.least, spread.greatest)
    together, mean, least, greatest = (f"{value:.3f}" for value in values)
    return what, str(spread.pairs), together, mean, least, greatest


def _section(title: str, figures: ScorerFigures) -> str:
    counts = ", ".join(f"{kind} {count}" for kind, count in figures.unsafe.items())
    head = ("asked with", "pairs", "together", "mean", "least", "greatest")
    lines = ["| " + " | ".join(row) + " |" for row in (head, ("---",) * len(head), *figure_rows(figures))]
    reached = [f"- {what}: {'yes' if yes else 'NO'}" for what, yes in verdicts(figures)]
    return "\n".join((f"### {title}: {figures.moments} moments; unsafe: {counts}", "", *lines, "", *reached))
