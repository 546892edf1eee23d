"""Steering ratio, offset and understeer gradient, from how fast the car turns at what steering angle and speed.

In a bend of curvature k = yaw rate / speed the tyre angle is atan(wheelbase k) + K v^2 k (Rajamani, Vehicle Dynamics
and Control, ch. 3.3; K in rad per m/s^2), and the reported angle is ratio times that, plus an offset. The yaw rate is
what is noisy, so it is what is fitted: the other way round its noise would make the ratio small.

A car yaws later than it steers: after a delay (sensors, transport) and a lag that grows with the speed (Rajamani, ch.
2.3: the single-track model's time constants are in proportion to it). Both are found first. Without the lag, bends that
are driven quickly would look like understeer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.calibration.estimate import Estimate, blocks_of
from sim2real_ad.calibration.least_squares import Fit, fit
from sim2real_ad.calibration.signals import LONGEST_GAP_S, Series, Signals
from sim2real_ad.config import StrictModel
from sim2real_ad.errors import CalibrationError

Floats = NDArray[np.float64]

SLOWEST = 3.0
"""m/s below which yaw rate over speed is too noisy."""
HARDEST = 3.0
"""m/s^2 of lateral acceleration above which tyres give way more than in proportion."""
PERIOD_S = 0.1
WINDOW_S = 0.3
"""Signals are compared every PERIOD_S as means over WINDOW_S."""
BLOCK_S = 3.0
"""Stretches whose errors count as independent."""
DELAYS_S = np.arange(0.0, 0.6, 0.02)
LAGS_PER_SPEED = np.arange(0.0, 0.0201, 0.002)
"""What is tried: s, and s per m/s."""
LEAST_DRIVEN_S = 30.0
LEAST_ANGLE = 0.015
"""rad of standard deviation of the tyre angle below which there is nothing to compare."""
LEAST_SIDE = 0.1
"""Share of the bends that must go to either side: else an offset looks like a ratio."""
WORST_RATIO = 0.05
"""Greatest relative half width of the ratio's interval."""
WORST_UNDERSTEER = 0.001
"""Greatest half width of the understeer gradient's interval, rad per m/s^2."""
LEAST_EXPLAINED = 0.9
"""Share of the yaw rate's variance that the model must explain."""
WORST_SCALE = 0.05
"""By how much a reported tyre angle may differ from geometry, relatively."""
SANE_RATIOS = (5.0, 40.0)
"""Of the steering of cars, vans and lorries."""
IN_PROFILE = "drive_by_wire.protocol.steering"
USUAL_RATIO, USUAL_UNDERSTEER = 16.0, 0.002


class SteeringCalibration(StrictModel):
    """ratio: steering wheel to tyre, None where the tyre angle itself is reported; offset: of the report, rad at the
    wheel or tyre that it is of, subtracted from it to get the true angle; understeer_gradient: rad per m/s^2, as in the
    vehicle profile; yaw_delay_s, yaw_lag_s: of the yaw rate after the steering, the lag at 10 m/s; residual_rms: rad/s
    of yaw rate; explained: share of its variance; driven_s: how long was compared; outliers: share left out."""

    report: str
    ratio: Estimate | None
    offset: Estimate
    understeer_gradient: Estimate | None
    yaw_delay_s: float
    yaw_lag_s: float
    residual_rms: float
    explained: float
    driven_s: float
    outliers: float

    def lines(self) -> list[str]:
        """Return what is told to the user, a line a fact."""
        where = "steering wheel" if self.ratio else "tyre"
        ratio = [f"steering ratio {self.ratio.text(digits=2)}"] if self.ratio else []
        understeer = self.understeer_gradient
        oversteer = (
            ["the car oversteers: a profile takes no gradient below 0"] if understeer and understeer.value < 0 else []
        )
        return [
            f"from {self.report}, {self.driven_s:.0f} s of driving in bends and straight",
            *ratio,
            f"offset {self.offset.text('rad', 4)} at the {where}",
            f"understeer gradient {understeer.text('rad per m/s^2', 5) if understeer else 'as told'}",
            *oversteer,
            f"the yaw follows after {self.yaw_delay_s:.2f} s and a lag of {self.yaw_lag_s:.2f} s at 10 m/s",
            f"residual {self.residual_rms:.2g} rad/s RMS of yaw rate, {self.explained:.1%} of its variance explained, "
            f"{self.outliers:.1%} of the samples left out as outliers",
        ]

    def profile(self) -> dict[str, float]:
        """Return the entries of a vehicle profile, those of its drive-by-wire by their path."""
        entries = {} if self.ratio is None else {f"{IN_PROFILE}.ratio": round(self.ratio.value, 3)}
        entries[f"{IN_PROFILE}.offset"] = round(self.offset.value, 5)
        if self.understeer_gradient is not None:
            entries["understeer_gradient"] = round(max(self.understeer_gradient.value, 0.0), 5)
        return entries


@dataclass(frozen=True)
class _Drive:
    """What is compared, (N,) each: s, m/s, rad/s; yaw_slope: rad/s^2; the report as a series of rad."""

    times: Floats
    speed: Floats
    yaw_rate: Floats
    yaw_slope: Floats
    report: Series

    @property
    def blocks(self) -> NDArray[np.int64]:
        return blocks_of(self.times, BLOCK_S)

    def angle(self, delay_s: float) -> Floats:
        """Return the reported angle so long ago."""
        return self.report.mean_at(self.times - delay_s, WINDOW_S)

    def settled(self, lag_per_speed: float) -> _Drive:
        """Return the drive with the yaw rate that each moment leads to, without the lag: r + lag r'."""
        return replace(self, yaw_rate=self.yaw_rate + lag_per_speed * self.speed * self.yaw_slope)


def calibrate_steering(
    signals: Signals, wheelbase: float, understeer_gradient: float | None = None
) -> SteeringCalibration:
    """Fit the steering. wheelbase: m; understeer_gradient: where it is known, rad per m/s^2; else it is fitted, too.

    Of the steering wheel's angle a ratio is fitted, of a reported tyre angle none: it must agree with the geometry.
    Raises CalibrationError with the reason where the drive does not tell.
    """
    name = signals.find("steering_wheel_angle", "steering_tire_angle")
    drive = _drive(signals, signals.need(name).without_spikes())
    at_wheel = name == "steering_wheel_angle"
    delay_s, lag_per_speed = _best_dynamics(drive, wheelbase)
    drive = drive.settled(lag_per_speed)
    model = _Model(drive, wheelbase, drive.angle(delay_s), understeer_gradient, None if at_wheel else 1.0)
    found = model.fitted(name)
    model.check_variety(found)
    explained = 1.0 - found.rms**2 / float(np.var(drive.yaw_rate[found.kept]))
    _check_explained(explained, found)
    if not at_wheel:
        _check_scale(_Model(drive, wheelbase, drive.angle(delay_s), understeer_gradient, None).fitted(name))
    result = SteeringCalibration(
        report=name.replace("_", " "),
        ratio=model.ratio(found),
        offset=found.estimate(0),
        understeer_gradient=model.understeer(found),
        yaw_delay_s=delay_s,
        yaw_lag_s=10.0 * lag_per_speed,
        residual_rms=found.rms,
        explained=explained,
        driven_s=len(drive.times) * PERIOD_S,
        outliers=found.outliers,
    )
    _check_intervals(result)
    return result


def curvature_of(angle: Floats, speed: Floats, wheelbase: float, understeer_gradient: float) -> Floats:
    """Return the curvatures in 1/m (N,) of tyre angles in rad at speeds in m/s: `curvature_from_tire_angle` of arrays,
    also for cars that oversteer, below their critical speed."""
    slip = understeer_gradient * speed**2
    curvature = np.tan(np.clip(angle, -1.2, 1.2)) / wheelbase
    for _ in range(8):
        missing = angle - np.arctan(wheelbase * curvature) - slip * curvature
        steepness = wheelbase / (1.0 + (wheelbase * curvature) ** 2) + slip
        curvature = curvature + missing / np.maximum(steepness, 0.2 * wheelbase)
    return np.asarray(curvature)


class _Model:
    """Yaw rate by reported angle and speed. Parameters: offset, then understeer and ratio where they are not given."""

    def __init__(
        self, drive: _Drive, wheelbase: float, angle: Floats, understeer: float | None, ratio: float | None
    ) -> None:
        self._drive, self._wheelbase, self._angle = drive, wheelbase, angle
        self._understeer, self._ratio = understeer, ratio

    def fitted(self, report: str) -> Fit:
        """Return the best parameters."""
        start, steps, names = [0.0], [1e-3 * (self._ratio or USUAL_RATIO)], ["offset"]
        if self._understeer is None:
            start, steps, names = [*start, USUAL_UNDERSTEER], [*steps, 1e-4], [*names, "understeer gradient"]
        if self._ratio is None:
            start, steps, names = [*start, self._start_ratio(report)], [*steps, 0.01], [*names, "ratio"]
        return fit(self._residuals, start, steps, self._drive.blocks, " and ".join(names))

    def understeer(self, found: Fit) -> Estimate | None:
        return found.estimate(1) if self._understeer is None else None

    def ratio(self, found: Fit) -> Estimate | None:
        return found.estimate(len(found.parameters) - 1) if self._ratio is None else None

    def check_variety(self, found: Fit) -> None:
        """Raise CalibrationError where the tyres hardly moved, or to one side alone."""
        parameters = self._split(found.parameters)
        tyre = (self._angle - parameters[0]) / parameters[2]
        if np.std(tyre) < LEAST_ANGLE:
            raise CalibrationError(
                f"no excitation: the tyre angle varies by {np.std(tyre):.4f} rad, {LEAST_ANGLE} is the least; "
                "drive bends to both sides"
            )
        bends = tyre[np.abs(tyre) > LEAST_ANGLE]
        left = float(np.mean(bends > 0.0))
        if min(left, 1.0 - left) < LEAST_SIDE:
            raise CalibrationError(f"{left:.0%} of the bends go left: drive bends to both sides, else the offset hides")

    def _split(self, parameters: Floats) -> tuple[float, float, float]:
        """Return offset, understeer gradient and ratio."""
        offset, *rest = parameters.tolist()
        understeer = rest.pop(0) if self._understeer is None else self._understeer
        return offset, understeer, rest.pop(0) if self._ratio is None else self._ratio

    def _residuals(self, parameters: Floats) -> Floats:
        offset, understeer, ratio = self._split(parameters)
        drive = self._drive
        tyre = (self._angle - offset) / ratio
        return drive.yaw_rate - drive.speed * curvature_of(tyre, drive.speed, self._wheelbase, understeer)

    def _start_ratio(self, report: str) -> float:
        """Return a ratio to start from, by the line through angles and curvatures without understeer."""
        tyre = np.arctan(self._wheelbase * self._drive.yaw_rate / self._drive.speed)
        ratio = float(np.polyfit(tyre, self._angle, 1)[0]) if np.std(tyre) > 0.0 else 0.0
        if not ratio > 0.0:
            raise CalibrationError(f"{report} does not rise as the car turns left: wrong sign, or another signal")
        return ratio


def _drive(signals: Signals, report: Series) -> _Drive:
    """Choose the times at which the car drives fast enough and its tyres are not strained."""
    speed, yaw_rate = (signals.need(name).without_spikes() for name in ("speed", "yaw_rate"))
    start, end = (max(s.times[0] for s in (speed, yaw_rate, report)), min(speed.times[-1], yaw_rate.times[-1]))
    times = np.arange(start, end, PERIOD_S)
    v, r = speed.mean_at(times, WINDOW_S), yaw_rate.mean_at(times, WINDOW_S)
    before, after = (yaw_rate.mean_at(times + side * WINDOW_S / 2.0, WINDOW_S) for side in (-1.0, 1.0))
    bend = (after - before) / WINDOW_S
    known = np.isfinite(v) & np.isfinite(r) & np.isfinite(bend) & np.isfinite(report.mean_at(times, WINDOW_S))
    # Pauses are longer than the steps in which they are looked for.
    earlier = np.arange(0.0, DELAYS_S[-1] + WINDOW_S, 0.4 * LONGEST_GAP_S)
    known &= np.isfinite(report.at(times[:, None] - earlier)).all(axis=1)
    _check_driven(known, "in which speed, yaw rate and steering are all known")
    if np.max(v[known]) < 0.2:
        raise CalibrationError("the car stands: drive bends to both sides")
    known[known] &= v[known] >= SLOWEST
    _check_driven(known, f"above {SLOWEST} m/s: too slow")
    known[known] &= np.abs(v[known] * r[known]) <= HARDEST
    _check_driven(known, f"below {HARDEST} m/s^2 of lateral acceleration: drive more gently")
    return _Drive(times[known], v[known], r[known], bend[known], report)


def _check_driven(known: NDArray[np.bool_], what: str) -> None:
    driven_s = float(np.sum(known)) * PERIOD_S
    if driven_s < LEAST_DRIVEN_S:
        raise CalibrationError(f"too few samples: {driven_s:.0f} s {what}; {LEAST_DRIVEN_S:.0f} s is the least")


def _best_dynamics(drive: _Drive, wheelbase: float) -> tuple[float, float]:
    """Return the yaw's delay in s and its lag in s per m/s: with which a plane through angle, turning and turning by
    speed squared leaves the least of the yaw rate."""
    angles = [(delay, drive.speed * drive.angle(delay)) for delay in DELAYS_S.tolist()]
    best = (np.inf, 0.0, 0.0)
    for lag in LAGS_PER_SPEED.tolist():
        turning = wheelbase * drive.settled(lag).yaw_rate
        columns = np.column_stack((turning, drive.speed**2 * turning, drive.speed))
        solver = np.linalg.pinv(columns)
        for delay, angle in angles:
            left_over = float(np.median(np.abs(angle - columns @ (solver @ angle))))
            best = min(best, (left_over, delay, lag))
    return best[1], best[2]


def _check_explained(explained: float, found: Fit) -> None:
    if explained < LEAST_EXPLAINED:
        raise CalibrationError(
            f"residual too great: {found.rms:.4f} rad/s RMS, {max(explained, 0.0):.0%} of the yaw rate explained, "
            f"{LEAST_EXPLAINED:.0%} is the least; slipping tyres, or signals that do not belong together"
        )


def _check_scale(free: Fit) -> None:
    """Raise CalibrationError where a reported tyre angle is surely not the geometry's."""
    scale = free.estimate(len(free.parameters) - 1)
    if abs(scale.value - 1.0) - scale.half_width > WORST_SCALE:
        raise CalibrationError(
            f"the reported tyre angle is {scale.text()} times what yaw rate, speed and wheelbase say: "
            "the wheelbase or the report's ratio is wrong"
        )


def _check_intervals(result: SteeringCalibration) -> None:
    ratio, understeer = result.ratio, result.understeer_gradient
    if ratio is not None and not SANE_RATIOS[0] <= ratio.value <= SANE_RATIOS[1]:
        raise CalibrationError(
            f"steering ratio {ratio.text(digits=2)} is outside {SANE_RATIOS[0]:g}..{SANE_RATIOS[1]:g}: wrong unit or "
            "another signal"
        )
    if understeer is not None and understeer.half_width > WORST_UNDERSTEER:
        raise CalibrationError(
            f"understeer gradient {understeer.text(digits=4)} is too uncertain ({WORST_UNDERSTEER} is the most): drive "
            "bends both slowly and fast, or give a known one (--understeer)"
        )
    if ratio is not None and ratio.half_width > WORST_RATIO * ratio.value:
        raise CalibrationError(
            f"steering ratio {ratio.text(digits=2)} is too uncertain ({WORST_RATIO:.0%} is the most): drive longer, "
            "with more bends"
        )
