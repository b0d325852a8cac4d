"""Errors are one line with a cause and a cure, and each kind has its exit code."""

import pytest

from contract.errors import (
    GateError,
    InconclusiveError,
    InputError,
    MissingExtraError,
    TinybertError,
    WorkerError,
    needs_extra,
)


@pytest.mark.parametrize(
    ("kind", "exit_code"),
    [(InputError, 2), (MissingExtraError, 2), (GateError, 1), (InconclusiveError, 3), (WorkerError, 4)],
)
def test_exit_codes(kind: type[TinybertError], exit_code: int) -> None:
    assert issubclass(kind, TinybertError)
    assert kind.exit_code == exit_code


def test_an_error_is_its_cause_and_its_cure() -> None:
    assert str(InputError("cause", "cure")) == "cause: cure"
    assert str(InputError("cause")) == "cause"


def test_a_missing_library_is_named_with_its_extra() -> None:
    with pytest.raises(MissingExtraError) as error, needs_extra("onnx"):
        import no_such_library  # type: ignore[import-not-found]  # noqa: F401
    assert (
        str(error.value)
        == "no_such_library is not installed: in a clone of tinybert-edge, run pip install -c constraints.txt '.[onnx]'"
    )
