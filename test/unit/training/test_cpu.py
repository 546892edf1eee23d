"""What makes training fast on the CPU at hand."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from sim2real_ad.training.cpu import half_where_fast  # noqa: E402

FAULTS = """
import resource, sys, torch
from sim2real_ad.training.cpu import keep_freed_memory
torch.set_num_threads(1)
if sys.argv[1] == "keep":
    keep_freed_memory()
def step():
    torch.ones(16_000_000).add_(1.0)
for _ in range(8):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True, timeout=120)
    return int(done.stdout)


@pytest.mark.torch
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library manages memory in its own way")
def test_memory_that_is_kept_is_not_paid_for_again():
    assert faults("keep") < 0.1 * faults("give back")


@pytest.mark.torch
def test_networks_run_in_half_precision_where_the_cpu_does_and_in_full_elsewhere():
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not cpuinfo.is_file():
        pytest.skip("what this CPU can do is read from Linux' /proc/cpuinfo on x86_64")
    able = {"avx512_bf16", "amx_bf16"} & set(cpuinfo.read_text().split())
    with half_where_fast():
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if able else torch.float32)
