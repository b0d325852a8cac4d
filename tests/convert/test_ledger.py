"""The ledger of a search keeps its complete lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.tune.ledger import Ledger


@given(st.lists(st.text(max_size=20), max_size=5), st.integers(0, 40))
def test_a_truncated_ledger_keeps_its_complete_lines(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], cut: int
) -> None:
    folder = tmp_path_factory.mktemp("ledger")
    ledger = Ledger(folder)
    for key in keys:
        ledger.write("judged", "a model", key, {"score": 0.5})
    path = folder / "ledger.jsonl"
    if keys:
        data = path.read_bytes()
        path.write_bytes(data[: max(0, len(data) - cut)])
    again = Ledger(folder)
    assert [entry.key for entry in again.entries] == keys[: len(again.entries)]
    again.write("judged", "a model", "one more", {})
    assert [entry.key for entry in Ledger(folder).entries] == [*keys[: len(again.entries) - 1], "one more"]
