"""Look into recorded drives, check and recover them, cut pieces out, or make one of a driving video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim2real_ad.cli._console import table_console
from sim2real_ad.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

    from sim2real_ad.bag.check import BagCheck
    from sim2real_ad.bag.source import BagSource

Bag = Annotated[Path, typer.Argument(help="Folder of a rosbag2, or an .mcap or .db3 file.", metavar="BAG")]
Out = Annotated[Path, typer.Option(help="Folder of the new bag; must not exist.")]


def register(app: typer.Typer) -> None:
    """Add `s2r bag` with its sub-commands."""
    commands = typer.Typer(no_args_is_help=True, help=__doc__)
    for command in (info, check, recover, cut, from_video):
        commands.command(command.__name__.replace("_", "-"))(command)
    app.add_typer(commands, name="bag")


def info(bag: Bag) -> None:
    """Show what a bag holds: topics, types, counts, times."""
    from sim2real_ad.bag.source import open_bag

    console = table_console(highlight=False)
    with open_bag(bag) as source:
        console.print(_summary(source), markup=False, soft_wrap=True)
        console.print(_topic_table(source))
        _print_problems(source.problems)


def check(
    bag: Bag,
    rate: Annotated[
        list[str] | None, typer.Option(help="Expected rate of a topic in Hz; repeated.", metavar="TOPIC=HZ")
    ] = None,
) -> None:
    """Check a bag: damage, gaps, rates, stamps, calibration; the exit status is 1 where an error was found.

    Periods are measured by the header stamps, or by the log time (marked 'log') where a topic has none. A gap is longer
    than three usual periods and 0.2 s. Warnings tell what a replay can live with.
    """
    from sim2real_ad.bag.check import check_bag
    from sim2real_ad.bag.source import open_bag

    expected = dict(map(_rate, rate or ()))
    console = table_console(highlight=False)
    with open_bag(bag) as source:
        checked = check_bag(source, expected)
    console.print(_figures_table(checked))
    for finding in checked.findings:
        style = "red" if finding.severity == "error" else "yellow"
        line = f"{finding.severity}: {finding.text} [{finding.kind}, {finding.time_s:.3f} s]"
        console.print(line, style=style, markup=False, soft_wrap=True)
    console.print("fit for use" if checked.fit else "not fit for use", markup=False)
    if not checked.fit:
        raise typer.Exit(1)


def recover(bag: Bag, out: Out) -> None:
    """Save what can be read of a bag that is cut short or damaged, as a whole bag."""
    from sim2real_ad.bag.recover import recover_bag

    recovered, console = recover_bag(bag, out), table_console(highlight=False)
    for topic, count in recovered.saved.items():
        console.print(f"{count:>9}  {topic}", markup=False, soft_wrap=True)
    saved = sum(recovered.saved.values())
    console.print(f"{saved} messages saved, up to {recovered.until_s:.3f} s", markup=False)
    _print_problems(recovered.problems or ("the bag was whole: nothing had to be recovered",))
    console.print(f"bag in {out}", markup=False, soft_wrap=True)


def cut(
    bag: Bag,
    out: Out,
    from_: Annotated[str | None, typer.Option("--from", help="First moment; the bag's start without.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Moment at which the cut ends; the bag's end without.")] = None,
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; repeated. All without.")] = None,
) -> None:
    """Cut a piece out of a bag, by time and by topic.

    Moments are seconds from the bag's start, seconds since the epoch, or dates like 2026-01-31T12:00:00 (UTC). What
    was latched before the cut, like the route, is taken along at its start.
    """
    from sim2real_ad.bag.cut import cut_bag, moment_ns
    from sim2real_ad.bag.source import open_bag

    console = table_console(highlight=False)
    with open_bag(bag) as source:
        from_ns, to_ns = (None if text is None else moment_ns(text, source) for text in (from_, to))
        made = cut_bag(source, out, from_ns=from_ns, to_ns=to_ns, topics=topic or ())
    console.print(f"{sum(made.counts.values())} messages of {len(made.counts)} topics", markup=False)
    if made.latched:
        console.print(f"taken along from before: {', '.join(made.latched)}", markup=False, soft_wrap=True)
    _print_problems(made.problems)
    console.print(f"bag in {out}", markup=False, soft_wrap=True)


def from_video(
    video: Annotated[Path, typer.Argument(help="Driving video, of the calibrated camera.", metavar="VIDEO")],
    camera: Annotated[str, typer.Option(help="Name in config/cameras, or a path: who took the video.")],
    out: Out,
    speed: Annotated[
        float, typer.Option(min=0.0, max=60.0, help="Speed in m/s that the car is assumed to drive.")
    ] = 15,
    speed_limit: Annotated[float, typer.Option(min=1.0, max=60.0, help="Of the route, in m/s.")] = 16.7,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Of the JPEGs.")] = 90,
    frames: Annotated[int, typer.Option(min=0, help="At most so many frames in the bag; 0: all.")] = 0,
    every: Annotated[int, typer.Option(min=1, help="Take the first of each so many frames of the video.")] = 1,
) -> None:
    """Make a bag of a driving video and a camera calibration.

    The video says nothing of the car, so a constant speed on a straight route is assumed, as in `s2r shadow`. The same
    video gives the same bytes.
    """
    from sim2real_ad.bag.video import AssumedDrive, bag_from_video

    drive = AssumedDrive(speed=speed, speed_limit=speed_limit, quality=quality, frames=frames, every=every)
    count = bag_from_video(video, camera, out, drive)
    table_console(highlight=False).print(f"{count} frames; bag in {out}", markup=False, soft_wrap=True)


def _print_problems(problems: tuple[str, ...] | list[str]) -> None:
    for problem in problems:
        table_console(highlight=False).print(problem, style="yellow", markup=False, soft_wrap=True)


def _rate(text: str) -> tuple[str, float]:
    topic, _, hertz = text.rpartition("=")
    try:
        rate = float(hertz)
    except ValueError:
        rate = 0.0
    if not topic or not 0.0 < rate < 1e6:
        raise ConfigError(f"--rate '{text}' is not TOPIC=HZ, with a rate above 0")
    return topic, rate


def _summary(source: BagSource) -> str:
    from datetime import datetime, timezone

    duration = source.seconds(source.end_ns)
    begun = datetime.fromtimestamp(source.start_ns // 10**9, timezone.utc).isoformat(sep=" ", timespec="seconds")
    if not source.message_count:
        return f"{source.path}: no messages"
    return f"{source.path}: {source.message_count} messages in {duration:.3f} s, from {begun}"


def _topic_table(source: BagSource) -> Table:
    from rich.table import Table

    table, duration = Table(), source.seconds(source.end_ns)
    for name in ("topic", "type"):
        table.add_column(name, overflow="fold")
    for name in ("messages", "Hz"):
        table.add_column(name, justify="right")
    table.add_column("")
    for topic in source.topics.values():
        rate = f"{(topic.count - 1) / duration:.1f}" if duration > 0.0 and topic.count > 1 else "-"
        notes = ["latched"] if topic.latched else []
        notes += [] if topic.definition else ["unknown type"]
        table.add_row(topic.name, topic.type_name, str(topic.count), rate, ", ".join(notes))
    return table


def _figures_table(checked: BagCheck) -> Table:
    from rich.table import Table

    table = Table(title=f"{checked.messages} messages in {checked.duration_s:.3f} s", title_justify="left")
    table.add_column("topic", overflow="fold")
    for name in ("messages", "Hz", "period ms", "jitter ms", "longest ms"):
        table.add_column(name, justify="right")
    table.add_column("by")
    for topic in checked.topics:
        periods = (topic.median_period_s, topic.jitter_s, topic.longest_period_s)
        rate = "-" if topic.rate_hz is None else f"{topic.rate_hz:.2f}"
        table.add_row(topic.name, str(topic.count), rate, *map(_milliseconds, periods), topic.clock)
    return table


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e3:.1f}"
