"""Statuses as diagnostic_msgs, which the usual tools (rqt_runtime_monitor, Foxglove) show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim2real_ad.ros.conversions import set_time
from sim2real_ad.safety.diagnostics import CheckStatus


def message_from_statuses(statuses: Sequence[CheckStatus], node: str, stamp_ns: int) -> Any:
    """Make a diagnostic_msgs/DiagnosticArray. node: whose, which begins every name."""
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue

    message = DiagnosticArray()
    set_time(message.header.stamp, stamp_ns)
    for status in statuses:
        values = [KeyValue(key=key, value=value) for key, value in status.values.items()]
        level = getattr(DiagnosticStatus, status.level)
        name = f"{node}: {status.name}"
        message.status.append(DiagnosticStatus(level=level, name=name, message=status.message, values=values))
    return message
