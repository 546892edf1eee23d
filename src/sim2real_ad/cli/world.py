"""Serve the embedded world on the CARLA 0.9.16 wire protocol, for the carla client and the bridge."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add `s2r world`."""
    app.command("world")(world)


def world(
    host: str = typer.Option("127.0.0.1", help="IPv4 address to listen on; another than loopback is open to all."),
    port: int = typer.Option(2000, help="Port of the calls; the streams take the next one. 0 takes free ones."),
    map_name: str = typer.Option("urban_block", "--map", help="Name of the shipped map to start with."),
    exit_with_parent: bool = typer.Option(False, help="End when the process that started this one ends."),
) -> None:
    """Serve the embedded world on the CARLA 0.9.16 wire protocol until SIGINT or SIGTERM.

    Prints one line, `ready <host>:<port>`, when clients can connect.
    """
    from sim2real_ad.world.carla.process import log_to_stderr, serve_world

    log_to_stderr()
    serve_world(host, port, map_name, exit_with_parent=exit_with_parent, announce=typer.echo)
