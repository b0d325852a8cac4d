"""A signal ends a session at once, and the same command goes on with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bench.record import read_record
from bench.unfinished import PREFIX


@pytest.mark.skipif(os.name != "posix", reason="signals of posix")
@pytest.mark.parametrize(
    ("numbers", "exit_code"),
    [((signal.SIGINT,), 130), ((signal.SIGTERM,), 143), ((signal.SIGINT, signal.SIGINT), 130)],
    ids=["SIGINT", "SIGTERM", "SIGINT twice"],
)
def test_a_signal_ends_a_session_at_once_and_it_goes_on_later(
    onnx_artifact: Path, tmp_path: Path, numbers: tuple[signal.Signals, ...], exit_code: int
) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-m", "tinybert_edge", "bench", str(onnx_artifact), "--out", str(out)]
    command += ["--blocks", "2", "--sentences", "2"]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a child of a background job would ignore it
    process = psutil.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    workers: list[psutil.Process] = []
    # In its second block: one round is kept, and a worker runs.
    while not (list(out.glob(f"{PREFIX}*/round-0.json")) and workers):
        assert process.poll() is None, process.stderr.read()
        workers = process.children() if list(out.glob(f"{PREFIX}*/round-0.json")) else []
        time.sleep(0.01)
    for number in numbers:
        process.send_signal(number)
    started_s = time.monotonic()
    assert process.wait(timeout=20) == exit_code
    assert time.monotonic() - started_s < 10
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert not [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE]
    assert [path.name[: len(PREFIX)] for path in out.iterdir()] == [PREFIX]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "going on with an interrupted session: 1 of 2 blocks found" in ended.stderr
    (record,) = map(read_record, out.glob("laptop-x86/*.json"))
    assert (len(record.blocks), record.interruptions) == (2, 1)
