"""Conversion from Python, as its guide shows it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from contract.folder import verify
from infer.folders.artifact import read_artifact
from targets.profile import Profile

GUIDE = Path(__file__).parents[2] / "docs" / "conversion.md"


def test_the_guides_program_converts(student: Path, artifacts: Path, profile: Profile, tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    program = program.replace('read("laptop-x86")', f'read("{profile.name}")')
    shutil.copytree(student, tmp_path / "STUDENT")
    # What stands already is found again, so that no runtime's export is waited for twice.
    shutil.copytree(artifacts, tmp_path / "artifacts" / profile.name)
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "int8/model.onnx" in result.stdout
    made = tmp_path / "artifacts" / profile.name / "onnx-int8"
    verify(made, read_artifact(made))
    # The same bytes as the command's.
    assert (tmp_path / "int8" / "model.onnx").read_bytes() == (made / "model.onnx").read_bytes()
