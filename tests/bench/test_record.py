"""A record that cannot have been measured is refused, with its file and the dotted key."""

import base64
import json
import zlib
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from bench.record import read_record
from contract.errors import InputError

RESULTS = Path(__file__).parents[2] / "results"
RECORDS = sorted(RESULTS.glob("*/*.json"))
NOT_JUDGED: dict[str, Any] = {"examples": None, "quality": None, "drop": None, "agreement": {}, "statistics": None}
JUDGED = next(path for path in RECORDS if path.name.startswith("conll2003-onnx-int8-"))


def packed(data: bytes, *shape: int, dtype: str = "uint8") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "zlib_base64": base64.b64encode(zlib.compress(data)).decode()}


def write(path: Path, changes: dict[str, Any]) -> Path:
    """Write a real record with some values changed, each by its dotted key."""
    value = json.loads(JUDGED.read_text(encoding="utf-8"))
    for key, changed in changes.items():
        *parents, last = (int(part) if part.isdecimal() else part for part in key.split("."))
        reduce(lambda inner, part: inner[part], parents, value)[last] = changed
    path.write_text(json.dumps(value).replace('"1e400"', "1e400"), encoding="utf-8")
    return path


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_every_committed_record_is_read(path: Path) -> None:
    assert read_record(path).blocks


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blocks": []}, "'blocks': Tuple should have at least 1 item after validation, not 0"),
        ({"blocks.0.rows": []}, "'blocks.0.rows': Tuple should have at least 1 item after validation, not 0"),
        ({"blocks.0.infer_ns": [1]}, "'blocks.0.infer_ns': 1 samples for 40 sentences"),
        ({"blocks.0.tokenize_ns": [1, 2]}, "'blocks.0.tokenize_ns': 2 samples for 40 sentences"),
        ({"blocks.0.infer_ns.3": 0}, "'blocks.0.infer_ns.3': Input should be greater than 0"),
        ({"blocks.1.infer_ns.0": -5}, "'blocks.1.infer_ns.0': Input should be greater than 0"),
        ({"blocks.1.infer_ns.0": "1e400"}, "'blocks.1.infer_ns.0': Input should be a valid integer"),
        (
            {"blocks.1.infer_ns.0": 10**400},
            "'blocks.1.infer_ns.0': Input should be less than or equal to 9223372036854775807",
        ),
        ({"constant": {"accuracy": 0.5}}, "'constant.accuracy': a token_classification has no 'accuracy'"),
        ({"constant": {"f1": "1e400"}}, "'constant.f1': Input should be a"),
        ({"overlap": {"examples": 9999, "others": None}}, "'overlap.examples': 9999 of 3250 examples"),
        (
            {"overlap": {"examples": 1, "others": {"value": 0.5, "low": 0.6, "high": 0.7}}},
            "'overlap.others.value': 0.5 is outside its interval, 0.6 to 0.7",
        ),
        ({"blocks.0.load_ns": 0}, "'blocks.0.load_ns': Input should be greater than 0"),
        ({"blocks.0.process_ns": -1}, "'blocks.0.process_ns': Input should be greater than or equal to 0"),
        ({"blocks.0.rows.0": -1}, "'blocks.0.rows.0': Input should be greater than or equal to 0"),
        ({"blocks.0.threads_observed": 0}, "'blocks.0.threads_observed': Input should be greater than 0"),
        (
            {"blocks.0.before.load_average": -0.5},
            "'blocks.0.before.load_average': Input should be greater than or equal to 0",
        ),
        ({"blocks.0.before.load_average": "1e400"}, "'blocks.0.before.load_average': Input should be a finite number"),
        ({"memory.peak_bytes": -1}, "'memory.peak_bytes': Input should be greater than or equal to 0"),
        ({"size_bytes": -1}, "'size_bytes': Input should be greater than 0"),
        ({"parameters": -1}, "'parameters': Input should be greater than 0"),
        ({"machine.cores": 0}, "'machine.cores': Input should be greater than 0"),
        ({"threads": 0}, "'threads': Input should be greater than 0"),
        ({"examples": -3250}, "'examples': Input should be greater than 0"),
        ({"agreement.teacher": 1.5}, "'agreement.teacher': Input should be less than or equal to 1"),
        ({"agreement.teacher": float("nan")}, "'agreement.teacher': Input should be a finite number"),
        ({"drop.value": float("inf")}, "'drop.value': Input should be a finite number"),
        ({"drop.value": 0.5}, "'drop.value': 0.5 is outside its interval, 0.0197946 to 0.0328882"),
        ({"quality.f1.value": 0.5}, "'quality.f1.value': 0.5 is outside its interval, 0.870567 to 0.889286"),
        ({"quality.f1": {"value": 1.2, "low": 1.1, "high": 1.3}}, "'quality.f1.value': 1.2 is not between 0 and 1"),
        ({"quality.f1.low": float("nan")}, "'quality.f1.low': Input should be a finite number"),
        ({"quality": {}}, "'quality': lacks 'f1', the main metric"),
        ({"quality": None}, "'quality' and 'examples' must both be null, or neither"),
        ({"quality.recal": {"value": 0.5, "low": 0.4, "high": 0.6}}, "'quality.recal': a token_classification has no"),
        ({"statistics.zlib_base64": "?"}, "'statistics': packed numbers cannot be unpacked ("),
        ({"statistics.zlib_base64": "bm9uZQ=="}, "'statistics': packed numbers cannot be unpacked ("),
        ({"statistics": packed(bytes(9), 3250, 3)}, "'statistics': packed numbers do not have the shape (3250, 3)"),
        (
            {"statistics": packed(bytes(9750), 9750)},
            "'statistics.shape': (9750,) does not have a row for each of 3250 examples",
        ),
        (
            {"statistics": packed(bytes(9747), 3249, 3)},
            "'statistics.shape': (3249, 3) does not have a row for each of 3250 examples",
        ),
        ({"statistics": packed(bytes(3250), 3250, 1)}, "'statistics.shape': 'f1' is not computed from (3250, 1)"),
        ({"statistics": packed(bytes(9750), 3250, 3)}, "'statistics': 'f1' is 0 by these, but 0.880266 in 'quality'"),
        (
            {"statistics": packed(b"\xff" * 8 * 9750, 3250, 3, dtype="float64")},
            "'statistics': not all are finite numbers",
        ),
        ({**NOT_JUDGED, "outputs": {"shape": [1, 2], "float32_base64": "?"}}, "'outputs': cannot be unpacked ("),
        ({**NOT_JUDGED, "outputs": {"shape": [1, 2], "float32_base64": ""}}, "'outputs': cannot be unpacked ("),
        (
            {**NOT_JUDGED, "outputs": {"shape": [-1, 2], "float32_base64": "AAAAAAAAAAA="}},
            "'outputs': not of shape (-1, 2)",
        ),
    ],
)
def test_what_cannot_have_been_measured_is_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = write(tmp_path / "record.json", changes)
    with pytest.raises(InputError) as refused:
        read_record(path)
    text = str(refused.value)
    assert text.startswith(f"{path}: {message}")
    assert refused.value.exit_code == 2
    assert "\n" not in text
