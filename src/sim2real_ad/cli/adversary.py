"""Search for a policy that gets a command outside of the envelope past the gate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from sim2real_ad.cli._console import table_console

if TYPE_CHECKING:
    from sim2real_ad.faults.adversary import Outcome


def register(app: typer.Typer) -> None:
    """Add `s2r adversary`."""
    app.command("adversary")(adversary)


def adversary(
    drives: int = typer.Option(500, min=16, help="Simulated drives of 4 s, for each adversary and vehicle."),
    vehicle: list[str] = typer.Option(["saloon", "e_transit"], help="Name in config/vehicles, or a path; repeated."),
    limits: str = typer.Option("default", help="Name in config/safety, or a path."),
    seed: int = typer.Option(0, min=0, help="Of the search."),
) -> None:
    """Evolve policies against the safety gate: one against every margin, one for a reward that lies.

    Whatever the gate lets through is judged by a second, independent writing of the envelope. The exit status is 1
    where anything got out.
    """
    from rich.console import Console

    from sim2real_ad.faults.adversary import ADVERSARIES, search
    from sim2real_ad.safety.gate import GateConfig
    from sim2real_ad.safety.limits import load_safety_limits
    from sim2real_ad.vehicle.profile import load_vehicle

    config = GateConfig(auto_engage=True, limits=load_safety_limits(limits))
    found: list[tuple[str, Outcome]] = []
    with Console(stderr=True).status("searching ...") as status:
        for name in vehicle:
            for each in ADVERSARIES:
                status.update(f"{each.name} against the gate of {name}")
                found.append((name, search(each, load_vehicle(name), config, drives, seed)))
    _print(found)
    if any(outcome.broken for _, outcome in found):
        raise typer.Exit(1)


def _print(found: list[tuple[str, Outcome]]) -> None:
    from rich.table import Table

    table = Table(title="commands that got past the gate, by the oracle", title_justify="left")
    for name in ("vehicle", "adversary"):
        table.add_column(name)
    for name in ("drives", "commands", "changed by the gate", "best objective"):
        table.add_column(name, justify="right")
    table.add_column("outside of the envelope")
    for vehicle, o in found:
        broken = ", ".join(o.broken) or "none"
        numbers = (str(o.drives), f"{o.steps:,}", f"{100.0 * o.changed / max(o.steps, 1):.0f} %", f"{o.objective:.3f}")
        table.add_row(vehicle, o.adversary, *numbers, broken, style="red" if o.broken else "")
    table_console().print(table)
