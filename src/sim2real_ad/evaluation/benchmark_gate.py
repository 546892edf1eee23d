"""What the safety gate costs a command: all of its checks, on a drive with something ahead."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from sim2real_ad.evaluation.benchmark import Measurement, time_each
from sim2real_ad.observation.spec import ObservationSpec
from sim2real_ad.policy.warm_up import nothing_seen
from sim2real_ad.safety.gate import Gate, GateConfig
from sim2real_ad.safety.inputs import SOURCES, DriverInput, GateInputs, SpeedReport, VehicleStatus
from sim2real_ad.types import ControlCommand, EgoState, Observation, Pose2, ns_from_seconds
from sim2real_ad.vehicle.profile import load_vehicle

STEPS = 500
LONGEST_MS = 1.0
VEHICLE = "saloon"
PERIOD_NS = ns_from_seconds(0.02)
STEPS_A_VIEW = 3
"""At 50 Hz, of a camera at about 17 Hz: every third decision has a new view to look through."""
SPEED = 6.0
CAR_AHEAD_M = 25.0


def measure_gate() -> list[Measurement]:
    """Measure an engaged gate on 50 decisions a second with every input. Raises ConfigError for bad limits."""
    spec = ObservationSpec()
    gate = Gate(load_vehicle(VEHICLE), GateConfig(auto_engage=True, required=SOURCES), spec.bev)
    seen = _road_with_car(spec)
    view: Observation | None = None
    numbers = itertools.count(1)

    def decide() -> None:
        nonlocal view
        number = next(numbers)
        now_ns = number * PERIOD_NS
        if view is None or number % STEPS_A_VIEW == 0:
            view = replace(seen, stamp_ns=now_ns)
        gate.step(_inputs(now_ns, view), now_ns)

    watches = time_each(decide, STEPS, warm_up=50)
    assert gate.state == "engaged", f"the gate that is measured does not drive: {gate.state}"
    wall, cpu = zip(*((1e3 * w.wall_s / STEPS, 1e3 * w.cpu_s / STEPS) for w in watches), strict=True)
    note = f"every check, a new view every {STEPS_A_VIEW} decisions, a car ahead"
    return [
        Measurement(
            name="safety gate, a command", unit="ms", better="lower", target=LONGEST_MS, samples=wall, cpu_samples=cpu,
            note=note,
        )
    ]  # fmt: skip


def _inputs(now_ns: int, view: Observation) -> GateInputs:
    place = Pose2(SPEED * now_ns / 1e9, 0.0, 0.0)
    return GateInputs(
        request=ControlCommand(now_ns, 0.0, 0.0, SPEED),
        ego=EgoState(now_ns, place, SPEED),
        localization=SpeedReport(now_ns, SPEED),
        view=view,
        vehicle=VehicleStatus(now_ns, True),
        driver=DriverInput(now_ns),
    )


def _road_with_car(spec: ObservationSpec) -> Observation:
    """A view of nothing but road, and a car ahead that never comes nearer."""
    shown = np.zeros(spec.bev.shape, np.uint8)
    shown[spec.bev.index("drivable")] = 255
    centres = spec.bev.cell_centres()
    ahead = (np.abs(centres[..., 0] - CAR_AHEAD_M) < 1.0) & (np.abs(centres[..., 1]) < 1.0)
    shown[spec.bev.index("vehicle")][ahead] = 255
    return replace(nothing_seen(spec), bev=shown, validity=np.full(spec.bev.shape[1:], 255, np.uint8))
