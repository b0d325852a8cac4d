"""The Python example of the conversion guide."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

from contract.folder import verify
from infer.folders.artifact import read_artifact
from targets.profile import Profile

GUIDE = Path(__file__).parents[2] / "docs" / "conversion.md"


def test_the_guides_example_converts(student: Path, artifacts: Path, profile: Profile, tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    program = program.replace('read("laptop-x86")', f'read("{profile.name}")')
    shutil.copytree(student, tmp_path / "STUDENT")
    # Finished artifacts are kept, which saves the time of exporting again.
    shutil.copytree(artifacts, tmp_path / "artifacts" / profile.name)
    result = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "int8/model.onnx" in result.stdout
    artifact = tmp_path / "artifacts" / profile.name / "onnx-int8"
    verify(artifact, read_artifact(artifact))
    # The bytes are the same as from the command.
    assert (tmp_path / "int8" / "model.onnx").read_bytes() == (artifact / "model.onnx").read_bytes()
