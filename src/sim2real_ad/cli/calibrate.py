"""Calibrate a car and its camera from recorded drives: steering, actuators, pedal maps, lens and mount."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sim2real_ad.errors import ConfigError

if TYPE_CHECKING:
    from sim2real_ad.calibration.chessboard import Board
    from sim2real_ad.calibration.signals import Signals
    from sim2real_ad.cli._calibration_signals import BagChoice
    from sim2real_ad.vehicle.profile import FirstOrderActuator

BAGS = typer.Argument(..., help="Bags: rosbag2 folders, .mcap or .db3 files; one drive after the other.")
VEHICLE = typer.Option("saloon", help="Name in config/vehicles, or a path: the car that was driven.")
SIGNAL = typer.Option(
    [], help="NAME=TOPIC:FIELD[*SCALE] where types do not tell, as steering_wheel_angle=/rpt:output; repeated."
)
TOPIC = typer.Option([], help="ROLE=TOPIC where names do not tell, as odometry=/odom; repeated.")
OUT = typer.Option(None, help="File to write; must not exist. Only printed without.")
COMMAND_TIME = typer.Option(
    "auto", help="When a command was given: log (when it was recorded), stamp, or auto (log where the clocks agree)."
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    calibration = typer.Typer(no_args_is_help=True, help=__doc__)
    for command in (steering, actuators, pedals, camera):
        calibration.command(command.__name__)(command)
    app.add_typer(calibration, name="calibrate")


def steering(
    bags: list[Path] = BAGS,
    vehicle: str = VEHICLE,
    understeer: float | None = typer.Option(None, help="Understeer gradient, rad per m/s^2, where it is known."),
    signal: list[str] = SIGNAL,
    topic: list[str] = TOPIC,
    out: Path | None = OUT,
) -> None:
    """Steering ratio, offset and understeer gradient, from half a minute and more of bends to both sides.

    Of a reported tyre angle: offset and understeer gradient. Drive slowly and fast, gently, on level ground.
    """
    from sim2real_ad.calibration.fragments import profile_text
    from sim2real_ad.calibration.steering import calibrate_steering

    _check_new(out)
    choice = _choice(vehicle, topic, signal)
    signals = _read(bags, choice)
    found = calibrate_steering(signals, choice.profile.wheelbase, understeer)
    _finish("steering", bags, found.lines(), signals.notes, {out: lambda told: profile_text(found.profile(), told)})


def actuators(
    bags: list[Path] = BAGS,
    only: str = typer.Option("both", help="steering, acceleration or both."),
    vehicle: str = VEHICLE,
    command_time: str = COMMAND_TIME,
    signal: list[str] = SIGNAL,
    topic: list[str] = TOPIC,
    out: Path | None = OUT,
) -> None:
    """Pure delay and first-order lag of steering and acceleration, from commands and what the car reports of them.

    The car must have followed the commands: jumps to both sides and between speeding up and braking tell most.
    """
    from sim2real_ad.calibration.actuators import calibrate_actuator
    from sim2real_ad.calibration.fragments import profile_text

    if only not in ("both", "steering", "acceleration"):
        raise ConfigError(f"--only {only}: steering, acceleration or both")
    _check_new(out)
    signals = _read(bags, _choice(vehicle, topic, signal, command_time))
    found = [calibrate_actuator(signals, kind) for kind in ("steering", "acceleration") if only in ("both", kind)]
    lines = [line for one in found for line in one.lines()]
    entries = {name: value for one in found for name, value in one.profile().items()}
    _finish("actuators", bags, lines, signals.notes, {out: lambda told: profile_text(entries, told)})


def pedals(
    bags: list[Path] = BAGS,
    vehicle: str = VEHICLE,
    delay: float | None = typer.Option(None, min=0.0, help="s from pedal to acceleration; the profile's without."),
    lag: float | None = typer.Option(None, min=0.0, help="s, likewise."),
    signal: list[str] = SIGNAL,
    topic: list[str] = TOPIC,
    out: Path | None = typer.Option(
        None, help="Prefix: PREFIX_accel_map.csv, PREFIX_brake_map.csv and PREFIX.yaml. Only printed without."
    ),
) -> None:
    """Accel and brake maps as Autoware's CSV, from pedals, speed and measured acceleration.

    Hold many pedals at many speeds, both to speed up and to brake, and coast; one pedal at a time.
    """
    from sim2real_ad.calibration.fragments import profile_text
    from sim2real_ad.calibration.pedals import calibrate_pedals

    files = [out and out.with_name(out.name + end) for end in ("_accel_map.csv", "_brake_map.csv", ".yaml")]
    _check_new(*files)
    choice = _choice(vehicle, topic, signal)
    response = _response(choice.profile.acceleration, delay, lag)
    signals = _read(bags, choice)
    found = calibrate_pedals(signals, response)
    accel, brake, fragment = files
    entries = {"accel_map": accel and accel.name, "brake_map": brake and brake.name}
    lines = [f"pedals act after {response.delay_s} s and a lag of {response.lag_s} s", *found.lines()]
    _finish(
        "pedals",
        bags,
        lines,
        signals.notes,
        {
            accel: lambda _: found.accel.csv(),
            brake: lambda _: found.brake.csv(),
            fragment: lambda told: profile_text(entries, told),
        },
    )


def camera(
    boards: Path | None = typer.Option(None, help="Folder of pictures of a chessboard, or a bag of them: the lens."),
    drive: Path | None = typer.Option(None, help="Bag or video of driving straight along lane lines: the mount."),
    board: str = typer.Option("9x6", help="Inner corners of the board, columns x rows."),
    square: float = typer.Option(0.03, help="Side of a field of the board, m."),
    camera: str = typer.Option("default", help="Name in config/cameras, or a path: what is not calibrated here."),
    lane_width: float | None = typer.Option(
        None, min=2.0, max=6.0, help="m from middle to middle of the lane's lines: the height; by the flow without."
    ),
    vehicle: str = VEHICLE,
    signal: list[str] = SIGNAL,
    topic: list[str] = TOPIC,
    out: Path | None = OUT,
) -> None:
    """Intrinsics and distortion from chessboards; pitch, yaw and height from driving straight; or both.

    Where a camera sits along and across the car, and its roll, is measured by hand: --camera.
    """
    from sim2real_ad.calibration.chessboard import calibrate_lens
    from sim2real_ad.calibration.fragments import camera_text
    from sim2real_ad.calibration.mount import calibrate_mount
    from sim2real_ad.cli._calibration_pictures import board_pictures, drive_frames
    from sim2real_ad.geometry.camera import load_camera

    sources = [path for path in (boards, drive) if path is not None]
    if not sources:
        raise ConfigError("nothing to calibrate from: give --boards, --drive or both")
    _check_new(out)
    model, choice, lines = load_camera(camera), _choice(vehicle, topic, signal), []
    if boards is not None:
        lens = calibrate_lens(board_pictures(boards, choice), _board(board, square), model.mount)
        model, lines = lens.camera, lens.lines()
    if drive is not None:
        mount = calibrate_mount(drive_frames(drive, choice), model, lane_width)
        model, lines = mount.camera, [*lines, *mount.lines()]
    else:
        lines.append(f"the mount is that of '{camera}': measure it, or give --drive")
    _finish("camera", sources, lines, (), {out: lambda told: camera_text(model, told)})


def _check_new(*paths: Path | None) -> None:
    from sim2real_ad.calibration.fragments import check_new

    check_new(*(path for path in paths if path is not None))


def _choice(vehicle: str, topics: list[str], signals: list[str], command_time: str = "auto") -> BagChoice:
    from sim2real_ad.cli._calibration_signals import BagChoice, parse_command_time, parse_fields
    from sim2real_ad.cli._pairs import pairs
    from sim2real_ad.vehicle.profile import load_vehicle

    placed = parse_command_time(command_time)
    return BagChoice(load_vehicle(vehicle), pairs(topics, "--topic", "ROLE=TOPIC"), parse_fields(signals), placed)


def _read(bags: list[Path], choice: BagChoice) -> Signals:
    from sim2real_ad.cli._calibration_signals import read_signals

    return read_signals(bags, choice)


def _response(profiles: FirstOrderActuator, delay: float | None, lag: float | None) -> FirstOrderActuator:
    from sim2real_ad.config import check_config
    from sim2real_ad.vehicle.profile import FirstOrderActuator

    given = {
        "delay_s": profiles.delay_s if delay is None else delay,
        "lag_s": profiles.lag_s if lag is None else lag,
    }
    return check_config(given, FirstOrderActuator, "--delay, --lag")


def _board(corners: str, square: float) -> Board:
    from sim2real_ad.calibration.chessboard import Board
    from sim2real_ad.config import check_config

    columns, _, rows = corners.lower().partition("x")
    if not (columns.isdigit() and rows.isdigit()):
        raise ConfigError(f"--board {corners}: not like 9x6")
    return check_config({"columns": int(columns), "rows": int(rows), "square": square}, Board, "--board, --square")


def _finish(
    what: str,
    sources: Sequence[Path],
    lines: Sequence[str],
    notes: Sequence[str],
    texts: Mapping[Path | None, Callable[[list[str]], str]],
) -> None:
    """Print a result and write its files. texts: what makes each file's text of the lines that were printed."""
    from sim2real_ad.calibration.fragments import write_new

    told = [*lines, *notes]
    for line in told:
        typer.echo(line)
    heading = f"s2r calibrate {what}, from {', '.join(path.name for path in sources)}; 95 % intervals"
    for path, text in texts.items():
        if path is not None:
            write_new(path, text([heading, *told]))
            typer.echo(f"written: {path}")
