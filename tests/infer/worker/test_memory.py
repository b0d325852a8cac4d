"""Resident memory, from /proc and without it."""

from pathlib import Path

import pytest

from infer.worker import memory


def test_memory_is_read_in_bytes(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmHWM:\t   2048 kB\nVmRSS:\t   1024 kB\n", encoding="utf-8")
    assert memory.resident_bytes(status) == 2**20
    assert memory.peak_bytes(status)[0] == 2 * 2**20


def test_memory_without_proc_names_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    value, source = memory.peak_bytes(tmp_path / "none")
    assert source in ("ru_maxrss", "peak_wset")
    assert value >= memory.resident_bytes(tmp_path / "none") // 2


def test_a_changed_allocator_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "1")
    assert memory.peak_bytes()[1].endswith("with MALLOC_ARENA_MAX=1")
