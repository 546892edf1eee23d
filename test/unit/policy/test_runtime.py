"""Which execution provider of ONNX Runtime a network runs on."""

import onnxruntime
import pytest

from sim2real_ad.errors import CheckpointError
from sim2real_ad.policy.checkpoint import SHIPPED, STUDENT_FILE
from sim2real_ad.policy.runtime import CPU, OPTIONS, choose_providers, open_network


@pytest.fixture
def many_providers(monkeypatch):
    there = ["OpenVINOExecutionProvider", *CPU]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: there)


def test_the_most_preferred_provider_that_is_installed_comes_first(many_providers):
    wanted = ("CUDAExecutionProvider", "OpenVINOExecutionProvider", *CPU)
    assert choose_providers(wanted) == ("OpenVINOExecutionProvider", *CPU)
    assert choose_providers((*CPU, "OpenVINOExecutionProvider"))[0] == "CPUExecutionProvider"


def test_where_none_of_the_preferred_is_installed_the_error_names_both_sides():
    with pytest.raises(CheckpointError, match=r"NoSuchProvider; it has .*CPUExecutionProvider"):
        choose_providers(("NoSuchProvider",))


def test_a_provider_is_told_to_use_one_thread_and_full_precision(many_providers, monkeypatch):
    asked = []
    monkeypatch.setattr(onnxruntime, "InferenceSession", lambda path, options, providers: asked.append(providers))
    open_network(SHIPPED / STUDENT_FILE, ("OpenVINOExecutionProvider", *CPU))
    expected = [("OpenVINOExecutionProvider", OPTIONS["OpenVINOExecutionProvider"]), ("CPUExecutionProvider", {})]
    assert asked == [expected]
    assert OPTIONS["OpenVINOExecutionProvider"]["num_of_threads"] == "1"
