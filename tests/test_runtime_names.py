"""A runtime is known by name in its own modules and in the table of runtimes, and nowhere else."""

import re
from pathlib import Path

import pytest

from targets.profile import RuntimeName

ROOT = Path(__file__).parents[1]
PACKAGES = ("bench", "contract", "convert", "distill", "infer", "targets", "tinybert_edge")
TABLE = ("targets/runtimes.py", "targets/profile.py")
NAMES = "|".join(RuntimeName)
# A member of the enumeration, a name alone in quotes, or a constant that is called after one.
KNOWN = re.compile(
    rf"RuntimeName\.(?:{NAMES.upper()})\b"
    rf"|['\"](?:{NAMES})['\"]"
    rf"|\b(?:[A-Z]+_(?:{NAMES.upper()})|(?:{NAMES.upper()})_[A-Z]+)\b"
)


def sources() -> dict[str, str]:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def is_its_own(name: str) -> bool:
    return name in TABLE or Path(name).stem.startswith(tuple(RuntimeName))


def test_no_other_module_knows_a_runtime_by_name() -> None:
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in sources().items()
        if not is_its_own(name)
        for number, line in enumerate(text.splitlines(), start=1)
        if KNOWN.search(line)
    ]
    assert found == []


@pytest.mark.parametrize("line", ["runtime is RuntimeName.ONNX", "if runtime == 'tflite':", "OF_ONNX", "TFLITE_EXTRA"])
def test_a_name_is_noticed(line: str) -> None:
    assert KNOWN.search(line)


def test_each_runtime_has_one_module_that_runs_it_and_one_that_converts() -> None:
    own = {name for name in sources() if Path(name).stem in set(RuntimeName)}
    assert own == {f"{folder}/{runtime}.py" for folder in ("convert", "infer/runtimes") for runtime in RuntimeName}
