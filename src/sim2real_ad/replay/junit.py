"""Verdicts as JUnit XML, which CI systems show: a test suite a bag, a test case a condition."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from sim2real_ad.files import replacing
from sim2real_ad.replay.conditions import JudgedBag, Verdict

NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML may hold, not even escaped (XML 1.0, production 2)."""

REPLAY, REFERENCE = "the bag can be replayed", "equal to the reference"


def write_junit(path: Path, bags: Sequence[JudgedBag], renew: str = "") -> None:
    """Write the verdicts of many bags. renew: the command that renews a reference. Raises OSError."""
    with replacing(path) as file:
        file.write(junit_xml(bags, renew))


def junit_xml(bags: Sequence[JudgedBag], renew: str = "") -> bytes:
    """Return the verdicts of many bags as a document. renew: as in `write_junit`.

    A bag that could not be replayed is an error, a condition that is not met a failure, and one that could not be
    judged is skipped. A reference is one more condition.
    """
    root = ET.Element("testsuites", name="s2r replay")
    for bag in bags:
        suite = ET.SubElement(root, "testsuite", name=_text(bag.summary.bag))
        _add_case(suite, REPLAY, "error" if bag.summary.error else "", bag.summary.error)
        for verdict in bag.verdicts:
            _add_verdict(suite, verdict)
        if bag.comparison is not None:
            text = bag.comparison.describe(renew)
            _add_case(suite, REFERENCE, "" if bag.comparison.equal else "failure", text)
        _count(suite, [suite])
    _count(root, list(root))
    ET.indent(root)
    document = BytesIO()
    ET.ElementTree(root).write(document, encoding="utf-8", xml_declaration=True)
    return document.getvalue() + b"\n"


def _add_verdict(suite: ET.Element, verdict: Verdict) -> None:
    kinds = {"failed": "failure", "not judged": "skipped", "passed": ""}
    _add_case(suite, verdict.condition, kinds[verdict.outcome], verdict.describe())


def _add_case(suite: ET.Element, name: str, kind: str, text: str) -> None:
    """Add a test case. kind: failure, error, skipped, or empty where it has passed."""
    case = ET.SubElement(suite, "testcase", classname=suite.get("name", ""), name=_text(name))
    if kind:
        found = ET.SubElement(case, kind, message=_text(text.partition("\n")[0]))
        found.text = _text(text)


def _count(element: ET.Element, suites: Sequence[ET.Element]) -> None:
    """Set how many tests there are, and how many of them failed."""
    names = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
    for name, tag in names.items():
        element.set(name, str(sum(len(list(suite.iter(tag))) for suite in suites)))


def _text(text: str) -> str:
    return NO_XML.sub("\ufffd", text)
