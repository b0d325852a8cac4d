"""Libraries that are not as they should be, for the processes that try them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

Doctored = Callable[[str, str], None]

# The beginning of a module that stands in the way of a library: it imports the library, under its name, to change it.
REAL = """
import sys
from pathlib import Path
folder = next(folder for folder in sys.path if Path(__file__).is_relative_to(folder))
sys.path.remove(folder)
del sys.modules[__name__]
import importlib
real = importlib.import_module(__name__)
"""


@pytest.fixture
def doctored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctored:
    """Put a module in the way of a library, for processes that are started."""
    folder = tmp_path / "doctored"
    folder.mkdir()

    def write(library: str, code: str) -> None:
        (folder / library).mkdir()
        (folder / library / "__init__.py").write_text(code, encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    return write
