"""Conversion in the process of the tests, as importing a converter's libraries takes longer than a tiny conversion."""

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import pytest

from convert import process
from convert.converter import Exported
from convert.job import Job, perform
from targets.profile import RuntimeName


@contextmanager
def in_process() -> Iterator[None]:
    """Run conversions in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "convert", _perform)
        yield


def _perform(job: Job) -> Exported:
    gc.disable()  # as in a separate process
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings of the libraries
            return perform(job)
    finally:
        gc.enable()
        _leave_out_imported(job.variant.runtime)


@cache
def _leave_out_imported(runtime: RuntimeName) -> None:
    """Exclude a converter's libraries from garbage collection, like those that the tests import."""
    del runtime
    gc.collect()
    gc.freeze()
