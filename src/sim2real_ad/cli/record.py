"""Record a running graph, on a car or anywhere, into an MCAP file that rosbag2 and Foxglove open."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add `s2r record`."""
    app.command("record")(record)


def record(
    out: Path = typer.Option(..., help="MCAP file to write; must not exist."),
    topic: list[str] = typer.Option([], help="Record these topics; all that the graph has without. Repeated."),
    pictures: bool = typer.Option(True, help="The camera's pictures too, which are most of the bytes."),
    duration: float = typer.Option(0.0, min=0.0, help="Stop after so many s; 0: until Ctrl-C."),
    compression: str = typer.Option("zstd", help="zstd, lz4 or none; of whole chunks, lossless."),
) -> None:
    """Record topics as they come, byte for byte, until Ctrl-C.

    Joins the graph of ROS_DOMAIN_ID. What is lost on the way is told, a kill or a full disk leave a readable file.
    Launch files record by themselves: `recording:=FILE.mcap`.
    """
    from rich.console import Console

    from sim2real_ad.ros.record import found_topics, recorded_counts, run_recorder

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    topics = found_topics(topic, pictures=pictures)
    console.print(f"recording {len(topics)} topics into {out}; Ctrl-C ends it", markup=False)
    status = run_recorder(out, topics, duration, compression)
    for name, count in recorded_counts(out).items():
        console.print(f"{count:8d}  {name}", markup=False)
    if status:
        raise typer.Exit(status)
