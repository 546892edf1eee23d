"""What one check has found about this computer, and what to type about it."""

from __future__ import annotations

from enum import Enum

from pydantic import model_validator

from sim2real_ad.config import StrictModel


class Status(str, Enum):
    """How it stands. not_here: this computer has no such thing, or nobody asked for it."""

    ok = "ok"
    warning = "warning"
    failed = "failed"
    not_here = "not here"


class Finding(StrictModel):
    """check: its name; found: values with their limits; remedy: a command or the place to look, in one line."""

    check: str
    status: Status
    found: str
    remedy: str = ""

    @model_validator(mode="after")
    def _what_is_wrong_has_a_remedy(self) -> Finding:
        if self.status in (Status.warning, Status.failed) and not self.remedy:
            raise ValueError(f"check {self.check}: {self.status.value} without a remedy")
        return self


def ok(check: str, found: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(check=check, status=Status.ok, found=found)


def warning(check: str, found: str, remedy: str) -> Finding:
    """Return a finding that something will be in the way sooner or later."""
    return Finding(check=check, status=Status.warning, found=found, remedy=remedy)


def failed(check: str, found: str, remedy: str) -> Finding:
    """Return a finding that the graph would not start, or could not drive."""
    return Finding(check=check, status=Status.failed, found=found, remedy=remedy)


def not_here(check: str, found: str, remedy: str = "") -> Finding:
    """Return a finding that there is nothing to judge."""
    return Finding(check=check, status=Status.not_here, found=found, remedy=remedy)


def graded(check: str, found: str, remedy: str, *, fails: bool, warns: bool) -> Finding:
    """Return a finding by how bad it is; the remedy counts where it is bad at all."""
    if fails:
        return failed(check, found, remedy)
    return warning(check, found, remedy) if warns else ok(check, found)
