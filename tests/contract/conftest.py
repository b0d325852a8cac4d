"""Both users of isolated processes, so that they pass the same tests."""

from pathlib import Path

import pytest

from tests.contract.users import User, converter, worker


@pytest.fixture(params=["worker", "converter"])
def user(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> User:
    return worker(tmp_path) if request.param == "worker" else converter(tmp_path, monkeypatch)
