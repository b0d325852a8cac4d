"""Conversion in the tests' own process, as importing a converter's libraries takes longer than a tiny conversion."""

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
    """Have conversions done in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process, "convert", _perform)
        yield


def _perform(job: Job) -> Exported:
    gc.disable()  # as in a process of its own
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the libraries' own
            return perform(job)
    finally:
        gc.enable()
        _leave_out_imported(job.variant.runtime)


@cache
def _leave_out_imported(runtime: RuntimeName) -> None:
    """Leave a converter's libraries out of garbage collection, as those are that the tests import."""
    del runtime
    gc.collect()
    gc.freeze()
