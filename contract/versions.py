"""Versions of the libraries that made or ran something."""

from importlib.metadata import PackageNotFoundError, version

DISTRIBUTION = "tinybert-edge"


def versions_of(*distributions: str) -> dict[str, str]:
    """Return the installed versions by distribution name, this project's own first; absent ones are left out."""
    found = {}
    for name in (DISTRIBUTION, *distributions):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
