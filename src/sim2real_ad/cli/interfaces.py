"""Build the ROS message packages into this virtual environment, once; on a ROS distribution colcon does."""

from __future__ import annotations

import typer


def register(app: typer.Typer) -> None:
    """Add `s2r interfaces`."""
    app.command("interfaces")(interfaces)


def interfaces() -> None:
    """Build the message packages of src/interfaces where they are missing or out of date."""
    from sim2real_ad.ros.build_interfaces import PACKAGES, ensure_interfaces

    if not ensure_interfaces(typer.echo):
        typer.echo(f"up to date: {', '.join(PACKAGES)}")
