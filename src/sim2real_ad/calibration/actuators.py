"""Pure delay and first-order lag of steering and acceleration, from commands and what the car reports of them.

The model is the profile's (`control.vehicle_model.DelayedLag`): output' = (command(t - delay) - output) / lag, solved
exactly for commands that are held. First every delay and lag of a grid is tried, for the fit has more than one hill;
from the best, delay, lag, gain and offset are refined together by least squares. Then rising and falling get delays and
lags of their own, and are told apart where the intervals do not overlap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sim2real_ad.calibration.estimate import Estimate, blocks_of
from sim2real_ad.calibration.least_squares import Fit, fit
from sim2real_ad.calibration.response import Response
from sim2real_ad.calibration.signals import LONGEST_GAP_S, Series, Signals
from sim2real_ad.config import StrictModel
from sim2real_ad.errors import CalibrationError

Floats = NDArray[np.float64]
Kind = Literal["steering", "acceleration"]

DELAYS_S = np.arange(-0.3, 1.0001, 0.02)
"""Below 0 the report answers before the command: that is tried, to find clocks that disagree."""
LAGS_S = np.concatenate(([0.0], np.geomspace(0.01, 2.0, 24)))
SHORTEST_LAG_S = 0.002
GRID_SAMPLES = 1500
"""At most so many reports are compared on the grid."""
SETTLE_S = 2.0
"""After a start, a pause of the commands or a takeover nothing is compared for so long."""
BLOCK_S = 2.0
LEAST_DRIVEN_S = 20.0
SLOWEST_PERIOD_S = {"command": 0.25, "report": 0.15}
LEAST_COMMAND: dict[Kind, float] = {"steering": 0.01, "acceleration": 0.2}
"""Standard deviation of the command below which nothing moves enough: rad, m/s^2."""
LEAST_TURNS = 8
"""How often the command must turn from rising to falling or back."""
STANDING: dict[Kind, float] = {"steering": 0.0, "acceleration": 0.5}
"""m/s below which the actuator is not the one that drives along."""
LEAST_EXPLAINED = 0.7
WORST_RESPONSE_S, WORST_SHARE = 0.04, 0.15
"""Greatest half widths of delay + lag: the greater of s and a share of it."""
LEAST_APART_S = 0.005
"""Between the intervals of rising and falling, for these to be told apart."""
USUAL_GAIN = 0.2
"""A gain farther from 1 is told."""


class ActuatorCalibration(StrictModel):
    """One actuator. delay, lag: s, alike for both ways; rising, falling: (delay, lag) each, where they are told apart;
    gain: report over command; offset: of the report, in its unit; residual_rms: likewise; explained: share of the
    report's variance; samples: compared; outliers: share left out."""

    kind: Kind
    delay: Estimate
    lag: Estimate
    rising: tuple[Estimate, Estimate] | None
    falling: tuple[Estimate, Estimate] | None
    gain: Estimate
    offset: Estimate
    residual_rms: float
    explained: float
    samples: int
    outliers: float
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return what is told to the user, a line a fact."""
        unit = "rad" if self.kind == "steering" else "m/s^2"
        ways = [
            f"{name}: delay {way[0].text('s')}, lag {way[1].text('s')}"
            for name, way in (("rising", self.rising), ("falling", self.falling))
            if way is not None
        ]
        return [
            f"{self.kind}: delay {self.delay.text('s')}, lag {self.lag.text('s')}",
            *(ways or ["rising and falling are not told apart"]),
            f"gain {self.gain.text()}, offset {self.offset.text(unit, 4)}",
            f"residual {self.residual_rms:.2g} {unit} RMS, {self.explained:.1%} of the variance explained, "
            f"{self.samples} reports, {self.outliers:.1%} left out as outliers",
            *self.notes,
        ]

    def profile(self) -> dict[str, dict[str, float]]:
        """Return the entry of a vehicle profile."""
        return {self.kind: {"delay_s": round(max(self.delay.value, 0.0), 4), "lag_s": round(self.lag.value, 4)}}


@dataclass(frozen=True)
class _Pair:
    """A command and (N,) reports of what came of it: s, rad or m/s^2; averaged_s: see Series."""

    kind: Kind
    command: Series
    times: Floats
    values: Floats
    averaged_s: float

    def output(self, response: Response) -> Floats:
        return response.output(self.command, self.times, self.averaged_s)


def calibrate_actuator(signals: Signals, kind: Kind) -> ActuatorCalibration:
    """Fit delay and lag of steering or acceleration. Raises CalibrationError where the drive does not tell them."""
    command = signals.need(f"{kind}_command")
    report, notes = _report(signals, kind)
    pair = _pair(signals, kind, command, report)
    _check_variety(pair)
    start = _best_on_grid(pair)
    alike = _fitted(pair, start, ways=1)
    explained = 1.0 - alike.rms**2 / float(np.var(pair.values[alike.kept]))
    _check(pair, alike, explained)
    rising, falling = _told_apart(pair, alike)
    gain = alike.estimate(2)
    if kind == "acceleration" or signals.get("steering_tire_angle") is not None:
        notes += _gain_note(gain)
    return ActuatorCalibration(
        kind=kind,
        delay=alike.estimate(0),
        lag=alike.estimate(1),
        rising=rising,
        falling=falling,
        gain=gain,
        offset=alike.estimate(3),
        residual_rms=alike.rms,
        explained=explained,
        samples=len(pair.times),
        outliers=alike.outliers,
        notes=notes,
    )


def _report(signals: Signals, kind: Kind) -> tuple[Series, tuple[str, ...]]:
    """Return what answers the command, and what is to be told of it."""
    if kind == "steering":
        return signals.need("steering_tire_angle", "steering_wheel_angle"), ()
    return signals.acceleration()


def _pair(signals: Signals, kind: Kind, command: Series, report: Series) -> _Pair:
    """Leave out what no held command explains: starts, pauses of the commands, takeovers, a standing car."""
    for name, series in (("command", command), ("report", report)):
        if series.period_s > SLOWEST_PERIOD_S[name]:
            raise CalibrationError(
                f"a {kind} {name} comes every {series.period_s:.2f} s; {SLOWEST_PERIOD_S[name]} s is the most"
            )
    times = report.times
    used = _within(command, times)
    _check_driven(used, times, "in which both command and report are known")
    engaged = signals.get(f"{kind}_engaged")
    if engaged is not None:
        used &= _engaged_for(engaged, times)
        _check_driven(used, times, "in which the car follows commands: it was driven by hand")
    speed = signals.get("speed")
    if speed is not None:
        used &= np.nan_to_num(speed.at(times), nan=0.0) >= STANDING[kind]
        _check_driven(used, times, f"above {STANDING[kind]} m/s: the car stands")
    return _Pair(kind, command, times[used], report.values[used], report.averaged_s)


def _within(command: Series, times: Floats) -> NDArray[np.bool_]:
    """Tell which times come SETTLE_S after a start or a pause of the commands, and before their end."""
    gaps = np.diff(command.times) > LONGEST_GAP_S
    starts = np.concatenate((command.times[:1], command.times[1:][gaps])) + SETTLE_S
    ends = np.concatenate((command.times[:-1][gaps], command.times[-1:]))
    place = np.searchsorted(starts, times, side="right") - 1
    return np.asarray((place >= 0) & (times <= ends[np.maximum(place, 0)]))


def _engaged_for(engaged: Series, times: Floats) -> NDArray[np.bool_]:
    """Tell at which times the car has followed commands for SETTLE_S."""
    back = np.arange(0.0, SETTLE_S + 1e-9, 0.1)
    return np.asarray((engaged.held_at(times[:, None] - back) > 0.5).all(axis=1))


def _check_driven(used: NDArray[np.bool_], times: Floats, what: str) -> None:
    driven_s = float(np.sum(used)) * (float(np.median(np.diff(times))) if len(times) > 1 else 0.0)
    if driven_s < LEAST_DRIVEN_S:
        raise CalibrationError(f"too few samples: {driven_s:.0f} s {what}; {LEAST_DRIVEN_S:.0f} s is the least")


def _check_variety(pair: _Pair) -> None:
    """Raise CalibrationError where the command hardly moves, or too seldom."""
    command = pair.command.held_at(pair.times)
    spread, least = float(np.std(command)), LEAST_COMMAND[pair.kind]
    unit = "rad" if pair.kind == "steering" else "m/s^2"
    if spread < least:
        raise CalibrationError(
            f"no excitation: the {pair.kind} command varies by {spread:.4f} {unit}; {least} is least"
        )
    turns = _turns(command, spread / 2.0)
    if turns < LEAST_TURNS:
        raise CalibrationError(
            f"no excitation: the {pair.kind} command turns {turns} times; {LEAST_TURNS} is the least"
        )


def _turns(values: Floats, least: float) -> int:
    """Count how often values turn round by more than least."""
    turns, direction, extreme = 0, 0, float(values[0])
    for value in values.tolist():
        if direction * (value - extreme) >= 0.0 and direction:
            extreme = value
        elif abs(value - extreme) > least:
            turns += 1 if direction else 0
            direction, extreme = (1 if value > extreme else -1), value
    return turns


def _best_on_grid(pair: _Pair) -> tuple[float, float]:
    """Return the delay and lag whose output goes best with the reports, in s."""
    thin = max(1, len(pair.times) // GRID_SAMPLES)
    times, values = pair.times[::thin], pair.values[::thin]
    # The delay of a response that is alike both ways moves it as a whole.
    shifted = times[:, None] - DELAYS_S
    best = (-math.inf, 0.0, 0.0)
    for lag in LAGS_S.tolist():
        outputs = Response.alike(0.0, lag).output(pair.command, shifted.ravel(), pair.averaged_s).reshape(shifted.shape)
        fits = _correlations(outputs, values)
        place = int(np.argmax(fits))
        best = max(best, (float(fits[place]), float(DELAYS_S[place]), lag))
    return best[1], best[2]


def _correlations(outputs: Floats, values: Floats) -> Floats:
    """Return the correlation of each column (N, D) with values (N,)."""
    centred, wanted = outputs - outputs.mean(axis=0), values - values.mean()
    norms = np.linalg.norm(centred, axis=0) * np.linalg.norm(wanted)
    return np.asarray(wanted @ centred / np.maximum(norms, 1e-12))


def _fitted(pair: _Pair, start: tuple[float, ...], ways: Literal[1, 2]) -> Fit:
    """Refine (delay, lag) of each way, then gain and offset."""
    output = pair.output(_response(np.array(start), ways))
    gain, offset = np.polyfit(output, pair.values, 1)

    def residuals(parameters: Floats) -> Floats:
        return pair.values - parameters[-2] * pair.output(_response(parameters, ways)) - parameters[-1]

    steps = [0.004, 0.004] * ways + [0.01, 0.01 * float(np.std(pair.values))]
    blocks = blocks_of(pair.times, BLOCK_S)
    lowest = [-math.inf, SHORTEST_LAG_S] * ways + [-math.inf, -math.inf]
    what = f"delay and lag of the {pair.kind}"
    return fit(residuals, [*start, float(gain), float(offset)], steps, blocks, what, lowest)


def _response(parameters: Floats, ways: Literal[1, 2]) -> Response:
    values = parameters.tolist()
    return Response.alike(*values[:2]) if ways == 1 else Response(*values[:4])


def _check(pair: _Pair, found: Fit, explained: float) -> None:
    """Raise CalibrationError where the fit is not to be believed."""
    delay, lag, gain, _ = found.parameters.tolist()
    response = found.sum_of((0, 1))
    if explained < LEAST_EXPLAINED:
        raise CalibrationError(
            f"residual too great: {max(explained, 0.0):.0%} of the {pair.kind} report is explained by the command, "
            f"{LEAST_EXPLAINED:.0%} is the least; was the car driven by these commands?"
        )
    if gain <= 0.0:
        raise CalibrationError(f"the {pair.kind} report falls as the command rises (gain {gain:.2f}): wrong sign")
    if delay > DELAYS_S[-1] - 0.03:
        raise CalibrationError(f"the {pair.kind} delay, {delay:.2f} s, is at the end of its range: other clocks?")
    if found.estimate(0).high < -0.01:
        raise CalibrationError(
            f"the {pair.kind} answers {-delay:.2f} s before the command: stamps of commands and reports disagree"
        )
    if lag > LAGS_S[-1] - 0.05:
        raise CalibrationError(f"the {pair.kind} lag, {lag:.2f} s, is at the end of its range: it does not follow")
    if response.half_width > max(WORST_RESPONSE_S, WORST_SHARE * response.value):
        raise CalibrationError(
            f"{pair.kind} delay {found.estimate(0).text('s')} and lag {found.estimate(1).text('s')} are too uncertain: "
            "drive longer, with quicker commands"
        )


def _told_apart(pair: _Pair, alike: Fit) -> tuple[tuple[Estimate, Estimate] | None, tuple[Estimate, Estimate] | None]:
    """Return (delay, lag) of rising and of falling, None each where their intervals overlap or nearly touch."""
    delay, lag = alike.parameters[:2].tolist()
    try:
        both = _fitted(pair, (delay, lag, delay, lag), ways=2)
    except CalibrationError:
        return None, None
    rising, falling = ((both.estimate(n), both.estimate(n + 1)) for n in (0, 2))
    apart = [max(up.low - down.high, down.low - up.high) for up, down in zip(rising, falling, strict=True)]
    return (rising, falling) if max(apart) > LEAST_APART_S else (None, None)


def _gain_note(gain: Estimate) -> tuple[str, ...]:
    if abs(gain.value - 1.0) <= USUAL_GAIN:
        return ()
    return (f"the car gives {gain.value:.2f} of what is asked: calibrate the pedal maps or the steering first",)
