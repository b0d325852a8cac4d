"""Workers that answer wrongly, hang or die: each is named, the other models go on, and what was measured is kept."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.record import Record, read_record
from bench.schedule import Schedule
from bench.session import run_schedule
from contract.errors import InputError, WorkerError
from infer.worker import client
from infer.worker.job import Job
from infer.worker.reply import LatencyReply

MakeSchedule = Callable[..., Schedule]
Ways = dict[int, dict[str, Any]]
MIB = 2**20


@pytest.fixture
def spoil_int8(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ways], None]:
    """Run some workers of the int8 model in another way; 0 is its outputs, 1 its first block."""

    def spoil(ways: Ways) -> None:
        calls = 0

        def run(job: Job, kind: Any, **options: Any) -> Any:
            nonlocal calls
            if job.model.folder.name != "onnx-int8":
                return client.run_worker(job, kind, **options)
            calls += 1
            return client.run_worker(job, kind, **{**options, **ways.get(calls - 1, {})})

        monkeypatch.setattr("bench.measurement.run_worker", run)

    return spoil


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import json, os, sys, time\n{code}")


def records(out: Path) -> dict[str, Record]:
    return {record.precision: record for record in map(read_record, out.glob("*/*.json"))}


SIZES = dict.fromkeys(("started_bytes", "imported_bytes", "loaded_bytes", "peak_bytes"), 1)
NONE = dict.fromkeys(("load_average", "steal_jiffies", "involuntary_switches", "frequency_khz"), None) | dict.fromkeys(
    ("temperature_millicelsius", "throttled_bits", "on_battery"), None
)
TIMES: dict[str, Any] = {
    **dict.fromkeys(("process_ns", "import_ns", "load_ns", "first_infer_ns", "cpu_ns", "observed_ns"), 1),
    **{"tokenize_ns": [1, 1], "infer_ns": [1, 1], "warmup_stable": True, "threads_observed": None},
    **{"before": NONE, "after": NONE},
}


def answers(**changes: Any) -> tuple[str, ...]:
    return python(f"print({json.dumps({**TIMES, **changes})!r})")


def test_the_template_of_a_reply_is_one() -> None:
    LatencyReply.model_validate_json(json.dumps(TIMES))


@pytest.mark.parametrize(
    ("number", "command", "message"),
    [
        pytest.param(0, python("pass"), "ended with exit code 0 and no answer", id="nothing"),
        pytest.param(0, python("print('garbage')"), "gave an invalid answer", id="garbage"),
        pytest.param(0, python("os.write(1, bytes(range(256)))"), "gave an invalid answer", id="bytes"),
        pytest.param(0, python("print('[' * 10**6)"), "gave an invalid answer", id="deep"),
        pytest.param(0, python("print('{\"a\":' * 10**5 + '1' + '}' * 10**5)"), "gave an invalid answer", id="deeper"),
        pytest.param(
            0,
            python(f"print({json.dumps({'process_ns': 1, 'memory': {**SIZES, 'source': ''}})!r})"),
            "the worker's outputs cannot be read",
            id="no outputs",
        ),
        pytest.param(1, answers(infer_ns=[1]), "1 samples for 2 sentences", id="too few"),
        pytest.param(1, answers(infer_ns=[1, 0]), "'infer_ns.1': Input should be greater than 0", id="zero"),
        pytest.param(1, answers(infer_ns=[-1, 1]), "'infer_ns.0': Input should be greater than 0", id="negative"),
        pytest.param(1, answers(infer_ns=[1, 1.5]), "'infer_ns.1': Input should be a valid integer", id="fraction"),
        pytest.param(1, answers(infer_ns=[1, float("nan")]), "'infer_ns.1': Input should be", id="NaN"),
        pytest.param(1, answers(infer_ns=[1, 10**30]), "'infer_ns.1': Input should be less", id="enormous"),
        pytest.param(1, answers(load_ns=0), "'load_ns': Input should be greater than 0", id="no time to load"),
        pytest.param(1, answers(cpu_ns=-1), "'cpu_ns': Input should be greater", id="negative CPU time"),
        pytest.param(1, answers(more=1), "unknown key 'more'", id="another key"),
    ],
)
def test_a_worker_that_answers_wrongly_leaves_the_other_model(
    two_scripts: list[Path],
    scripted_session: MakeSchedule,
    tmp_path: Path,
    spoil_int8: Callable[[Ways], None],
    number: int,
    command: tuple[str, ...],
    message: str,
) -> None:
    spoil_int8({number: {"command": command}})
    with pytest.raises(WorkerError) as caught:
        run_schedule(scripted_session(two_scripts), tmp_path / "out")
    assert message in str(caught.value)
    assert "; 1 other records are in" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(records(tmp_path / "out")) == ["fp32"]


@pytest.mark.parametrize("stream", [1, 2], ids=["stdout", "stderr"])
def test_a_worker_that_writes_without_end_takes_little_memory(
    two_scripts: list[Path],
    scripted_session: MakeSchedule,
    tmp_path: Path,
    spoil_int8: Callable[[Ways], None],
    stream: int,
) -> None:
    spoil_int8({0: {"command": python(f"for _ in range(1024): os.write({stream}, b'x' * 2**20)")}})
    schedule = scripted_session(two_scripts)
    before = psutil.Process().memory_info().rss
    with pytest.raises(WorkerError) as caught:
        run_schedule(schedule, tmp_path / "out")
    assert psutil.Process().memory_info().rss - before < 100 * MIB
    assert ("answered more than 16 MiB and was killed" if stream == 1 else "no answer") in str(caught.value)
    assert len(str(caught.value)) < 2000


@pytest.mark.skipif(os.name != "posix", reason="signals of posix")
@pytest.mark.parametrize(
    ("way", "message"),
    [
        (
            {"command": python("print('almost', file=sys.stderr, flush=True); time.sleep(600)"), "timeout_s": 1.0},
            "did not end within 1 s and was killed",
        ),
        ({"command": python("os.kill(os.getpid(), 9)")}, "was ended by SIGKILL (probably out of memory: "),
    ],
    ids=["hangs", "killed"],
)
def test_the_blocks_before_a_worker_was_killed_are_kept_and_marked(
    two_scripts: list[Path],
    scripted_session: MakeSchedule,
    tmp_path: Path,
    spoil_int8: Callable[[Ways], None],
    way: dict[str, Any],
    message: str,
) -> None:
    spoil_int8({3: way})
    with pytest.raises(WorkerError) as caught:
        run_schedule(scripted_session(two_scripts, blocks=3), tmp_path / "out")
    assert message in str(caught.value)
    assert "; 1 of their records have only the blocks before; 1 other records are in" in str(caught.value)
    found = records(tmp_path / "out")
    assert [len(found[precision].blocks) for precision in ("int8", "fp32")] == [2, 3]
    assert found["int8"].validity == "degraded"
    assert found["int8"].causes[0].startswith("only 2 of 3 blocks were measured: fake on onnx-int8: the worker ")
    assert message in found["int8"].causes[0]
    assert str(tmp_path) not in found["int8"].causes[0]
    assert not list((tmp_path / "out").glob(".*"))
    assert len({record.session for record in found.values()}) == 1


def test_nothing_that_hangs_is_left_running(
    two_scripts: list[Path], scripted_session: MakeSchedule, tmp_path: Path, spoil_int8: Callable[[Ways], None]
) -> None:
    file = tmp_path / "pids"
    code = f"""
import subprocess
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])
open({str(file)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')
time.sleep(600)
"""
    spoil_int8({0: {"command": python(code), "timeout_s": 2.0}})
    with pytest.raises(WorkerError, match="did not end within 2 s"):
        run_schedule(scripted_session(two_scripts), tmp_path / "out")
    for pid in map(int, file.read_text().split()):
        for _ in range(100):
            if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                break
            time.sleep(0.05)
        else:
            pytest.fail("it still runs")


def test_a_model_that_takes_too_much_memory_is_named_and_leaves_the_other(
    two_scripts: list[Path], scripted_session: MakeSchedule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = iter([MIB, 2**40])
    monkeypatch.setattr("infer.worker.client.free_memory_bytes", lambda: next(free))
    with pytest.raises(
        WorkerError, match=r"onnx-int8: the worker used more than 1 MiB of memory \(close other programs"
    ):
        run_schedule(scripted_session(two_scripts), tmp_path / "out")
    assert list(records(tmp_path / "out")) == ["fp32"]


def test_blocks_of_a_model_whose_files_changed_are_not_kept(
    two_scripts: list[Path], scripted_session: MakeSchedule, tmp_path: Path
) -> None:
    schedule = scripted_session(two_scripts, blocks=3)
    real = schedule.measurements[0].run_block

    def change_after_two(*given: Any, **named: Any) -> None:
        real(*given, **named)
        if len(schedule.measurements[0].blocks) == 2:
            (two_scripts[0] / "script.json").write_text('{"load_ns": 1}')

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.session.Measurement.run_block", _first_changes(schedule, change_after_two))
        with pytest.raises(InputError, match="its SHA-256 is not the expected one"):
            run_schedule(schedule, tmp_path / "out")
    assert list(records(tmp_path / "out")) == ["fp32"]


def _first_changes(schedule: Schedule, change: Callable[..., None]) -> Callable[..., None]:
    real = type(schedule.measurements[0]).run_block

    def run(measurement: Any, *given: Any, **named: Any) -> None:
        if measurement is schedule.measurements[0]:
            change(*given, **named)
        else:
            real(measurement, *given, **named)

    return run
