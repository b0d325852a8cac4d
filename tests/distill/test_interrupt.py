"""A first signal lets a training save its step, a second one ends it at once."""

import signal

import pytest

from distill.training.interrupt import stop_requests


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_takes_effect_at_once(first: signal.Signals) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a child of a background job would ignore it
    try:
        with stop_requests() as stop:
            signal.raise_signal(first)
            assert stop.signal_number == first
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
