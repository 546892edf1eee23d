"""What does the safety gate of a running graph say?"""

from __future__ import annotations

import os
from collections.abc import Mapping

from sim2real_ad.doctor.finding import Finding, failed, not_here, ok, warning
from sim2real_ad.doctor.survey import LISTENED_S, Heard, Listen, Survey
from sim2real_ad.ros.topics import GATE_STATUS
from sim2real_ad.safety.states import STOPPING

FAULT = "fault"


def check_gate(survey: Survey, listen: Listen) -> Finding:
    """Listen to the gate of the graph in ROS_DOMAIN_ID."""
    return judge_gate(listen("gate", LISTENED_S), os.environ)


def judge_gate(heard: Heard, environment: Mapping[str, str]) -> Finding:
    """Judge what the gate said while it was listened to: it must never be silent."""
    if not heard.gate:
        where = (
            f"nothing on {GATE_STATUS.name} in domain {environment.get('ROS_DOMAIN_ID', '0')} for {heard.seconds:g} s"
        )
        start = "ros2 launch sim2real_ad vehicle.launch.py vehicle:=PROFILE shadow:=true; journalctl -u sim2real-ad"
        return not_here("gate", f"no graph: {where}", start)
    last = heard.gate[-1]
    rate = f"{len(heard.gate) / heard.seconds:.0f} decisions a second"
    age = f"frame {last.age_s * 1e3:.0f} ms old" if last.age_s >= 0.0 else "no frame yet"
    found = f"{last.state}, {rate}, {age}" + (f": {', '.join(last.reasons)}" if last.reasons else "")
    remedy = "ros2 topic echo --once /diagnostics names the check (docs/safety.md)"
    if last.state == FAULT:
        return failed("gate", found, remedy)
    return warning("gate", found, remedy) if last.state in STOPPING else ok("gate", found)
