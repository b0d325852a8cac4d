"""The start-up time of the command line."""

import subprocess
import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.parametrize("arguments", [["--help"], ["targets"]], ids=" ".join)
def test_command(benchmark: BenchmarkFixture, arguments: list[str]) -> None:
    command = [sys.executable, "-m", "tinybert_edge", *arguments]
    benchmark(subprocess.run, command, check=True, capture_output=True)
