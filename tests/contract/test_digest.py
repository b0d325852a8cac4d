"""Hashes do not depend on how a value was written down."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from contract.digest import sha256_of_file, sha256_of_value

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), VALUES))
def test_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    assert sha256_of_value(value) == sha256_of_value(dict(reversed(value.items())))


def test_known_hashes(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert sha256_of_file(tmp_path / "empty") == empty
    assert sha256_of_value({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
