"""`s2r transfer` refuses what it cannot judge fairly, before anything is driven."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim2real_ad.cli.main import run


def test_seeds_that_are_trained_with_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["transfer", "--out", str(tmp_path), "--seed", "995", "--episodes", "10"]) == 2
    assert "only 0 to 999 are for judging" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_an_unknown_domain_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["transfer", "--out", str(tmp_path), "--domains", "another_luck"]) == 2
    assert "another_feel" in capsys.readouterr().err


def test_a_page_without_a_section_for_the_table_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing")
    assert run(["transfer", "--out", str(tmp_path / "out"), "--table", "--docs", str(page)]) == 2
    assert "transfer: begin" in capsys.readouterr().err


def test_the_tables_of_nothing_say_that_nothing_was_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table transfer: begin -->\nold\n<!-- table transfer: end -->\nafter\n")
    arguments = [
        "transfer",
        "--out",
        str(tmp_path / "out"),
        "--table",
        "--docs",
        str(page),
        "--domains",
        "another_feel",
    ]
    assert run(arguments) == 0
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| another_feel | not run |" in text
    assert "old" not in text
    assert (tmp_path / "out" / "transfer.json").is_file()
