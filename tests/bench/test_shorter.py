"""A shorter measurement never takes the place of a longer one of the same model."""

import json
from collections.abc import Callable
from pathlib import Path

Tinybert = Callable[..., tuple[int, str, str]]


def test_both_records_stay(tinybert: Tinybert, onnx_artifact: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = []
    for blocks in (2, 1, 2):
        code, _, err = tinybert("bench", onnx_artifact, "--blocks", blocks, "--sentences", "4", "--out", out)
        assert code == 0, err
        said.append("written beside the record of a longer measurement" in err)
    assert said == [False, True, False]
    records = {path.stem: json.loads(path.read_text()) for path in out.rglob("*.json")}
    usual, shorter = sorted(records, key=len)
    assert shorter == f"{usual}-1-blocks"
    assert [len(records[name]["blocks"]) for name in (usual, shorter)] == [2, 1]
    code, _, err = tinybert("report", out, "--out", tmp_path / "report.html")
    assert code == 0, err
