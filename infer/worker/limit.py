"""The limit on a worker's memory, so that a hostile model fills neither the machine's memory nor its swap.

It is Linux's limit on private memory that may be written to (RLIMIT_DATA), because libraries reserve far more address
space than they use. Elsewhere only the watch of infer.worker.client limits a worker. Standard library only.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from contract.errors import MEMORY_CURE, UnfinishedError
from infer.worker import memory

MIB = 2**20
# Set by the client.
VARIABLE = "TINYBERT_MEMORY_LIMIT"
# A runtime with its library, PyTorch being the largest, and what a thread may use.
BASE_BYTES = 4 * 2**30
THREAD_BYTES = 2**26
# Times the files: weights are read, converted to floats (8 times as large as 4 bits), packed, and kept for each length.
COPIES = 24
EXHAUSTED = re.compile(r"bad.?alloc|alloc\w* memory|memory alloc|out of memory|n.t allocate", re.IGNORECASE)


def limit_bytes(files_bytes: int, threads: int) -> int:
    """Return the memory that a worker may use: generous, as only what went wrong needs more.

    Args:
        files_bytes: size of the model's files.
        threads: number of threads of the runtime.
    """
    return BASE_BYTES + COPIES * files_bytes + threads * THREAD_BYTES


@contextmanager
def limited() -> Iterator[None]:
    """Limit the memory of this process as its environment says, and name the limit in an error that is due to it.

    Raises:
        UnfinishedError: memory ran out.
    """
    limit = int(os.environ.get(VARIABLE, "0"))
    _limit(limit)
    try:
        yield
    except Exception as error:
        if not isinstance(error, MemoryError) and not EXHAUSTED.search(str(error)):
            raise
        peak = memory.peak_bytes()[0] // MIB
        told = f", limit {limit // MIB} MiB" if limit else ""
        raise UnfinishedError(f"probably out of memory; peak {peak} MiB{told}", MEMORY_CURE) from error


def _limit(limit: int) -> None:
    if not limit or sys.platform != "linux":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
