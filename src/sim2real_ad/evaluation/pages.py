"""How pages are made: templates of a package, beside the style sheet that every report shares."""

from __future__ import annotations

from pathlib import Path

import jinja2


def page_environment(*folders: Path) -> jinja2.Environment:
    """Return the templates in some folders, and those of this package."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, Path(__file__).parent / "templates"]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
