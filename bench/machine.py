"""Fingerprint of this machine."""

import mmap
import platform

from bench.record import Machine
from infer.worker import conditions
from targets import machine as facts


def fingerprint() -> Machine:
    """Describe what determines the speed of this machine."""
    arch = facts.architecture()
    return Machine(
        model=facts.model_name(),
        arch=arch,
        isa_features=facts.isa_features(),
        cores=facts.cores(),
        memory_bytes=facts.memory_bytes(),
        page_bytes=mmap.PAGESIZE,
        governor=conditions.governor(),
        system=_system(),
        kernel=platform.release(),
        python=platform.python_version(),
        emulated=conditions.emulated(arch),
    )


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.version()}"  # not Linux, or without os-release
