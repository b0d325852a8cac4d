"""Whatever a converter's process does, the caller gets a model or an error of one line."""

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from contract.errors import UnfinishedError, WorkerError
from convert import child
from convert.job import Job
from infer.folders.variant import Variant
from targets.profile import Precision, Profile, RuntimeName


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "the converter was killed by SIGSEGV"),
        ("import sys; print('x'); sys.exit(3)", "the converter ended with exit code 3"),
        ("import time; time.sleep(60)", "the converter took longer than 1 s"),
        ("import time; hog = b'x' * 2**27; time.sleep(60)", "the converter needs more than the 64 MiB of free memory"),
        ('print(\'{"cause": "no", "cure": "yes"}\')', "no: yes"),
    ],
)
def test_every_end_is_an_error_of_one_line(
    tmp_path: Path,
    profile: Profile,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    program: str,
    message: str,
) -> None:
    monkeypatch.setattr(child, "COMMAND", (sys.executable, "-c", program))
    monkeypatch.setattr(child, "TIMEOUT_S", 1.0)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2**26))
    with pytest.raises(WorkerError) as caught:
        child.convert(job(tmp_path, profile), tmp_path)
    assert str(caught.value) == message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("program", "message", "kind"),
    [
        ('print(\'{"cause": "no", "cure": "yes"}\')', "no: yes", WorkerError),
        (
            'print(\'{"cause": "no", "cure": "yes", "unexpected": true}\')',
            "no: free space on the disk, 3 MiB are left",
            UnfinishedError,
        ),
        (
            "import sys; sys.exit(1)",
            "the converter ended with exit code 1: free space on the disk, 3 MiB are left",
            UnfinishedError,
        ),
    ],
)
def test_a_full_disk_is_the_cause_of_what_no_one_expected(
    tmp_path: Path,
    profile: Profile,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    message: str,
    kind: type[WorkerError],
) -> None:
    monkeypatch.setattr(child, "COMMAND", (sys.executable, "-c", program))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3 * 2**20))
    with pytest.raises(WorkerError) as caught:
        child.convert(job(tmp_path, profile), tmp_path)
    assert (str(caught.value), type(caught.value)) == (message, kind)


def job(folder: Path, profile: Profile) -> Job:
    return Job(
        variant=Variant(runtime=RuntimeName.ONNX, precision=Precision.FP32),
        student=folder,
        destination=folder,
        profile=profile,
        lengths_tokens=(),
        fp32=None,
    )
