import xml.etree.ElementTree as ET
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sim2real_ad.replay.conditions import JudgedBag, Verdict
from sim2real_ad.replay.junit import junit_xml, write_junit
from sim2real_ad.replay.reference import FirstDifference, ReferenceComparison
from sim2real_ad.replay.results import ReplaySummary


def verdict(condition: str, outcome: str, **more) -> Verdict:
    return Verdict(condition=condition, outcome=outcome, quantity="max of ood", bound="at most 0.9", **more)


def bag(name: str, *verdicts: Verdict, error: str = "", comparison: ReferenceComparison | None = None) -> JudgedBag:
    return JudgedBag(Path(name), ReplaySummary(bag=name, error=error), verdicts, comparison)


def counts(element: ET.Element) -> tuple[int, ...]:
    return tuple(int(element.get(name)) for name in ("tests", "failures", "errors", "skipped"))


def test_a_suite_is_a_bag_and_a_case_a_condition():
    first = bag("a", verdict("one", "passed", value=0.5), verdict("two", "failed", value=0.95, at_ns=5, at_s=1.5))
    second = bag("b", verdict("one", "not judged", reason="the bag has no driven"))
    root = ET.fromstring(junit_xml([first, second, bag("c", error="c.mcap: no camera topic")]))
    assert counts(root) == (6, 1, 1, 1)
    assert [(suite.get("name"), *counts(suite)) for suite in root] == [
        ("a", 3, 1, 0, 0),
        ("b", 2, 0, 0, 1),
        ("c", 1, 0, 1, 0),
    ]
    assert root.find(".//testcase[@name='one'][@classname='a']").find("*") is None
    failure = root.find(".//testcase[@name='two']/failure")
    assert failure.get("message") == "max of ood is 0.95, must be at most 0.9; worst at 1.500 s"
    assert root.find(".//skipped").get("message") == "max of ood, at most 0.9: the bag has no driven"
    assert root.find(".//error").get("message") == "c.mcap: no camera topic"


def test_a_reference_is_one_more_condition_whose_failure_holds_the_command():
    first = FirstDifference(index=3, stamp_ns=7, time_s=0.15, field="speed", replayed="1.0", reference="2.0")
    unequal = ReferenceComparison(frames=9, equal=False, differing=1, first=first)
    equal = ReferenceComparison(frames=9, equal=True)
    root = ET.fromstring(junit_xml([bag("a", comparison=unequal), bag("b", comparison=equal)], "renew it"))
    assert counts(root) == (4, 1, 0, 0)
    [failure] = root.iter("failure")
    assert failure.get("message") == "NOT equal to the reference: 9 frames compared, 1 differ"
    assert failure.text.endswith("renew it")


@given(st.text(), st.text(), st.text())
def test_any_text_gives_a_document_that_can_be_read(name, condition, reason):
    judged = bag(name, verdict(condition, "failed", reason=reason), error=reason)
    root = ET.fromstring(junit_xml([judged]))
    assert root.find(".//failure") is not None


def test_what_xml_cannot_hold_is_replaced():
    judged = bag("a\x00\x1b\ud800\ufffeb", verdict("<&>\"'", "passed", value=0.0))
    root = ET.fromstring(junit_xml([judged]))
    assert root[0].get("name") == "a\ufffd\ufffd\ufffd\ufffdb"
    assert root[0][1].get("name") == "<&>\"'"


def test_no_bag_is_an_empty_document(tmp_path):
    write_junit(tmp_path / "junit.xml", [])
    assert counts(ET.parse(tmp_path / "junit.xml").getroot()) == (0, 0, 0, 0)
