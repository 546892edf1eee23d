"""Make the shipped OpenDRIVE maps from their source, or check that they are what it gives."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim2real_ad.config import share_path
from sim2real_ad.errors import MapError


def register(app: typer.Typer) -> None:
    """Add `s2r maps`."""
    app.command("maps")(maps)


def maps(
    out: Annotated[Path | None, typer.Option(help="Folder of the maps; config/maps where not given.")] = None,
    check: Annotated[bool, typer.Option(help="Write nothing; fail where a map differs from its source.")] = False,
) -> None:
    """Make the shipped OpenDRIVE maps from their source, or check that they are what it gives."""
    from sim2real_ad.world.embedded.mapgen.shipped import SHIPPED

    folder = out if out is not None else share_path() / "config" / "maps"
    texts = {folder / f"{name}.xodr": source() for name, source in SHIPPED.items()}
    if check:
        _check(texts)
    else:
        _write(texts)


def _check(texts: dict[Path, str]) -> None:
    stale = [str(path) for path, text in texts.items() if not path.is_file() or path.read_text("utf-8") != text]
    if stale:
        raise MapError(f"not what the source gives: {', '.join(stale)}; `s2r maps` makes them again")
    typer.echo(f"{len(texts)} maps are what their source gives")


def _write(texts: dict[Path, str]) -> None:
    for path, text in texts.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise MapError(f"cannot write {path}: {error.strerror}") from error
        typer.echo(str(path))
