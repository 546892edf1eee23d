"""Mutation testing of what must not be wrong: safety/ and control/limits.

    tools/mutation.py                    all of it; writes docs/mutation.md
    tools/mutation.py --changed [BASE]   the modules that changed since a commit

Every mutant must be killed by a test or explained in test/mutation/explained.yaml; anything else is an error, and so is
an explanation of what does not survive any more. Those that the last run over all of it left open are listed in
test/mutation/open.yaml: of what changed, only others are an error. The work is mutmut's; its settings: setup.cfg.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
WATCHED = ("src/sim2real_ad/safety", "src/sim2real_ad/control/limits.py")
EXPLAINED = ROOT / "test/mutation/explained.yaml"
OPEN = ROOT / "test/mutation/open.yaml"
"""Survivors that are neither killed nor explained yet."""
REPORT = ROOT / "docs/mutation.md"
KILLED = {1, 3, 24, -24, 36, 37, 152, 255}
"""mutmut's exit codes of mutants that a test failed on, or that never ended."""
UNCHECKED = {None, 2, 34}


@dataclass(frozen=True)
class Survivor:
    """A mutant that no test noticed. function: with its class; before, after: the changed lines, not indented."""

    module: str
    function: str
    before: str
    after: str


def main() -> int:
    """Run, compare, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--changed", nargs="?", const="", metavar="BASE", help="only modules changed since BASE")
    chosen = parser.parse_args().changed
    modules = watched_modules() if chosen is None else changed_modules(chosen)
    if not modules:
        print("mutation testing: nothing that it watches has changed")
        return 0
    print(f"mutation testing: {', '.join(modules)}", flush=True)
    # What an earlier run left knows no test of a function that is new since.
    shutil.rmtree(ROOT / "mutants", ignore_errors=True)
    subprocess.run([sys.executable, "-m", "mutmut", "run", *(f"{m}.*" for m in modules)], cwd=ROOT, check=False)
    codes = {module: exit_codes(module) for module in modules}
    survivors = {name: survivor_of(module, name) for module in modules for name in surviving(codes[module])}
    explained = read_explained(EXPLAINED)
    unexplained = [(name, s) for name, s in survivors.items() if s not in explained]
    stale = [s for s in explained if s.module in modules and s not in survivors.values()]
    unchecked = sum(code in UNCHECKED for of_module in codes.values() for code in of_module.values())
    if chosen is None:
        REPORT.write_text(report(codes, survivors, explained), encoding="utf-8")
        write_open([s for _, s in unexplained])
    else:
        known = read_listed(OPEN)
        unexplained = [(name, s) for name, s in unexplained if s not in known]
    for name, s in unexplained:
        print(f"survived: {name}\n    {s.function}: {s.before}\n    became: {s.after}")
    for s in stale:
        print(f"explained in {EXPLAINED.relative_to(ROOT)}, but does not survive: {s.function}: {s.after}")
    total = sum(map(len, codes.values()))
    print(f"{total} mutants, {len(survivors)} survived, {len(unexplained)} without explanation, {unchecked} not tried")
    return int(bool(unexplained or stale or unchecked or not total))


def watched_modules() -> list[str]:
    """Return the dotted names of all modules that are mutated."""
    files = [f for path in WATCHED for f in (sorted((ROOT / path).glob("*.py")) or [ROOT / path])]
    return [_module_of(file.relative_to(ROOT)) for file in files if file.name != "__init__.py"]


def changed_modules(base: str) -> list[str]:
    """Return those that changed since a commit, by default since origin/main or the commit before.

    Where there is no such commit, as in a shallow clone, none is.
    """
    for candidate in (base,) if base else ("origin/main", "HEAD~1"):
        found = _git("diff", "--name-only", f"{candidate}...HEAD", "--", *WATCHED)
        same = _git("rev-parse", candidate) == _git("rev-parse", "HEAD")
        if found is not None and (base or not same):
            changed = {_module_of(Path(line)) for line in found.split()}
            return [module for module in watched_modules() if module in changed]
    print("mutation testing: no earlier commit to compare with")
    return []


def exit_codes(module: str) -> dict[str, int | None]:
    """Return how the tests ended for every mutant of a module."""
    meta = ROOT / "mutants/src" / f"{module.replace('.', '/')}.py.meta"
    if not meta.is_file():
        return {}
    codes: dict[str, int | None] = json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"]
    return codes


def surviving(codes: dict[str, int | None]) -> list[str]:
    """Return the names of the mutants that were tried and not killed."""
    return [name for name, code in codes.items() if code not in KILLED and code not in UNCHECKED]


def survivor_of(module: str, name: str) -> Survivor:
    """Describe a mutant by what it changes: names have numbers, which shift with every edit."""
    shown = subprocess.run([sys.executable, "-m", "mutmut", "show", name], cwd=ROOT, capture_output=True, text=True)
    before, after = changed_lines(shown.stdout)
    function = name.removeprefix(f"{module}.").rpartition("__mutmut_")[0].removeprefix("x_").replace("xǁ", "")
    return Survivor(module, function.replace("ǁ", "."), before, after)


def changed_lines(diff: str) -> tuple[str, str]:
    """Return the lines that a unified diff takes out and puts in."""
    lines = [line for line in diff.splitlines() if not line.startswith(("---", "+++"))]
    return tuple(  # type: ignore[return-value]
        " ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+"
    )


def read_explained(path: Path) -> dict[Survivor, str]:
    """Read the explained survivors, with their reasons."""
    return {Survivor(**{k: v for k, v in entry.items() if k != "why"}): entry["why"] for entry in _entries(path)}


def read_listed(path: Path) -> set[Survivor]:
    """Read survivors without reasons."""
    return {Survivor(**entry) for entry in _entries(path)}


def write_open(survivors: list[Survivor]) -> None:
    """List what is neither killed nor explained."""
    listed = sorted({(s.module, s.function, s.before, s.after) for s in survivors})
    entries = [dict(zip(("module", "function", "before", "after"), entry, strict=True)) for entry in listed]
    text = yaml.safe_dump(entries, sort_keys=False, width=120, allow_unicode=True)
    OPEN.parent.mkdir(parents=True, exist_ok=True)
    OPEN.write_text(
        "# Written by `make mutation`: mutants that survive and are not explained.\n" + text, encoding="utf-8"
    )


def _entries(path: Path) -> list[dict[str, str]]:
    return (yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else None) or []


def report(
    codes: dict[str, dict[str, int | None]], survivors: dict[str, Survivor], explained: dict[Survivor, str]
) -> str:
    """Return the page for docs/."""
    left = Counter(s.module for s in survivors.values())
    why = Counter(s.module for s in survivors.values() if s in explained)
    rows = [
        f"| `{module.removeprefix('sim2real_ad.')}` | {len(of_module)} | {len(of_module) - left[module]} "
        f"| {why[module]} | {left[module] - why[module]} |"
        for module, of_module in codes.items()
        if of_module
    ]
    total = sum(map(len, codes.values()))
    rows.append(
        f"| all | {total} | {total - len(survivors)} | {sum(why.values())} | {len(survivors) - sum(why.values())} |"
    )
    return "\n".join(
        [
            "# Mutation report",
            "",
            "Written by `make mutation` (`tools/mutation.py`, mutmut): small changes to `safety/` and",
            "`control/limits`, each of which a test must notice. `make test` does so for the modules that changed.",
            "What survives, and why that is right, is in `test/mutation/explained.yaml`; what survives and has not",
            "been looked at yet is in [`test/mutation/open.yaml`](../test/mutation/open.yaml).",
            "",
            "| module | mutants | killed | survive, explained | survive, unexplained |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _module_of(path: Path) -> str:
    return ".".join(path.with_suffix("").parts[1:])


def _git(*arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None


if __name__ == "__main__":
    sys.exit(main())
