"""The model card, written from the training record."""

from __future__ import annotations

from typing import Any

_TEMPLATE = """# Model card: camera adapter and student policy

{stage}

**What it is.** `adapter.onnx` turns the level view of one front camera into a bird's-eye view (BEV) of probabilities;
the calibration takes mount and lens out of the picture and is an input beside it, so another camera needs another YAML
and no training. `student.onnx` turns the BEV along the route, the car's own speed, steering and odometry into curvature
and acceleration.

**Trained on** the embedded world's renders and ground truth only, under randomization (`config/randomization`), from a
backbone that knows ImageNet's photographs (EfficientNet-lite0, Apache-2.0): no picture of a real road. The student
imitates a teacher that sees the true state (DAgger), at last through the adapter's own output. Training seeds start at
10,000, choices were made on seeds 5,000 to 5,999; seeds 0 to 999 were used for neither, nor was any target domain.

**Not for** a public road. It is designed toward research on a proving ground with a safety driver. On pictures unlike
the renders the BEV is a guess. The out-of-distribution score is the stronger of two learned doubts, that a picture is
spoilt and that the calibration does not fit it; 0.5 is more than in 99 % of held-out renders. It does not see all
that is wrong.

**Make it again:** `s2r train all --out DIR`{deviation}

## Adapter: IoU on held-out seeds, threshold 0.5, seen cells
{iou}

Held-out pictures told from normal ones by the out-of-distribution score, AUROC: {doubts}.

## Student: strict success in closed loop on validation seeds
{success}

Counts, losses, durations and versions are in `record.json`.
"""


def model_card(record: dict[str, Any]) -> str:
    """Write the card (Markdown) of a training record. record["deviation"]: how the run differed from the command's."""
    adapter = record.get("adapter", {})
    iou, near, doubts = (adapter.get(key, {}) for key in ("iou", "iou_near", "doubt_auroc"))
    success = record.get("student", {}).get("validation", {})
    return _TEMPLATE.format(
        stage=record.get("stage", ""),
        deviation="".join(f". {text}" for text in [record.get("deviation", "")] if text),
        iou=_table(
            ("channel", "all cells", "within 30 m"),
            [(name, f"{value:.3f}", f"{near[name]:.3f}" if name in near else "-") for name, value in iou.items()],
        ),
        doubts=", ".join(f"{kind} {value:.3f}" for kind, value in doubts.items()) or "not measured",
        success=_table(
            ("scenario", "successes"), [(name, f"{r['successes']} of {r['n']}") for name, r in success.items()]
        ),
    )


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return "Not measured."
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
