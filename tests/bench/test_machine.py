"""The fingerprint of this machine."""

from bench.machine import fingerprint


def test_this_machine_has_a_fingerprint() -> None:
    machine = fingerprint()
    assert machine.cores > 0
    assert machine.memory_bytes > 2**20
    assert machine == fingerprint()
