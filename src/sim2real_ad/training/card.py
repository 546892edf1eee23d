"""The model card, written from the training record."""

from __future__ import annotations

from typing import Any

_TEMPLATE = """# Model card: camera adapter and student policy

{stage}

**What it is.** `adapter.onnx` turns one front-camera picture into a bird's-eye view (BEV) of probabilities through the
camera's ground grid; the calibration is an input, so another camera needs another YAML and no training. `student.onnx`
turns the BEV along the route, the car's own speed, steering and odometry into curvature and acceleration.

**Trained on** the embedded world's renders and ground truth only: no real picture. The student imitates a rule-based
expert that sees the true state (DAgger). Training seeds start at 10,000, choices were made on seeds 5,000 to 5,999;
seeds 0 to 999 were used for neither.

**Not for** a public road. It is designed toward research on a proving ground with a safety driver. On pictures unlike
the renders the BEV is a guess; the out-of-distribution score is simple (distance of pooled picture features from those
of the training pictures: 0.5 is farther than 99.9 % of held-out renders) and does not see everything that is wrong.

**Make it again:** `s2r train all --out DIR`{deviation}

## Adapter: IoU on held-out seeds, threshold 0.5, seen cells
{iou}

## Student: strict success in closed loop on validation seeds
{success}

Counts, losses, durations and versions are in `record.json`.
"""


def model_card(record: dict[str, Any]) -> str:
    """Write the card (Markdown) of a training record. record["deviation"]: how the run differed from the command's."""
    iou = record.get("adapter", {}).get("iou", {})
    success = record.get("student", {}).get("validation", {})
    return _TEMPLATE.format(
        stage=record.get("stage", ""),
        deviation="".join(f". {text}" for text in [record.get("deviation", "")] if text),
        iou=_table(("channel", "IoU"), [(name, f"{value:.3f}") for name, value in iou.items()]),
        success=_table(
            ("scenario", "successes"), [(name, f"{r['successes']} of {r['n']}") for name, r in success.items()]
        ),
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return "Not measured."
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
