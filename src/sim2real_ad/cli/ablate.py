"""Leave one part out at a time and see what it was worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim2real_ad.errors import ConfigError

if TYPE_CHECKING:
    from sim2real_ad.training.ablation.run import Ablation

DOCS_SECTION, ORDERING_SECTION = "ablations", "ordering"


def register(app: typer.Typer) -> None:
    """Add `s2r ablate`."""
    app.command("ablate")(ablate)


def ablate(
    out: Annotated[Path, typer.Option(help="Folder of the ablation; what is finished in it is kept.")],
    trained: Annotated[Path | None, typer.Option(help="Checkpoint folder; the shipped one without.")] = None,
    variants: Annotated[
        str | None, typer.Option(help="Names by commas, or 'all', as without; teacher:FILE.npz for another teacher.")
    ] = None,
    domains: Annotated[str, typer.Option(help="training, names in config/domains or paths, by commas; or 'all'.")] = (
        "all"
    ),
    episodes: Annotated[int, typer.Option(min=1, max=1000, help="A variant, domain and scenario.")] = 20,
    first_seed: Annotated[int, typer.Option(min=0, max=999, help="Of the episodes; the others follow.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes that drive at the same time.")] = 2,
    experiment: Annotated[
        Path | None, typer.Option(help="Folder of `s2r experiment`: students of its policies, and is their order kept?")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="Training YAML of the checkpoint.")] = None,
    docs: Annotated[Path | None, typer.Option(help="Also renew the section of this Markdown file.")] = None,
) -> None:
    """Drive without phase 2, learned adapter, action mapping, history, randomization; print a table with intervals.

    What needs a training of its own gets a short one, beside a short one with nothing left out. With --experiment,
    instead: does the order of its rewards and algorithms survive the transfer? Stop it at any time: the same command
    goes on where it was.
    """
    from sim2real_ad.evaluation.documents import renew_section, require_markers
    from sim2real_ad.policy.checkpoint import SHIPPED
    from sim2real_ad.training.ablation.run import Ablation
    from sim2real_ad.training.domain_world import domains_named
    from sim2real_ad.training.seeds import evaluation_seeds

    if experiment is not None and variants is not None:
        raise ConfigError(f"--variants {variants} is of no use with --experiment: its policies are the variants")
    section = DOCS_SECTION if experiment is None else ORDERING_SECTION
    if docs is not None:
        require_markers(docs, section)
    ablation = Ablation(
        out=out,
        trained=trained or SHIPPED,
        domains=domains_named(domains),
        seeds=evaluation_seeds(first_seed, episodes),
        workers=workers,
    )
    out.mkdir(parents=True, exist_ok=True)
    text = _carry_out(ablation, variants, experiment, config)
    (out / f"{section}.md").write_text(text, encoding="utf-8")
    typer.echo(text)
    if docs is not None:
        renew_section(docs, section, text)


def _carry_out(ablation: Ablation, variants: str | None, experiment: Path | None, config: Path | None) -> str:
    """Train and drive what is missing, variants or an experiment's policies; return the tables in Markdown."""
    from sim2real_ad.training.ablation.ordering import run_ordering
    from sim2real_ad.training.ablation.run import run_ablation
    from sim2real_ad.training.ablation.variants import VARIANTS
    from sim2real_ad.training.config import load_training
    from sim2real_ad.training.experiment.folder import ExperimentFolder
    from sim2real_ad.training.progress import Progress

    base, progress = load_training(config), Progress()
    if experiment is not None:
        return run_ordering(ExperimentFolder.open(experiment), ablation, base, progress)
    names = tuple(VARIANTS) if variants in (None, "all") else tuple(variants.split(","))
    return run_ablation(names, ablation, base, progress)
