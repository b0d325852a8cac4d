"""Versions of the libraries that made or ran something."""

DISTRIBUTION = "tinybert-edge"


def versions_of(*distributions: str) -> dict[str, str]:
    """Return the installed versions by distribution name, this project's own first; absent ones are left out."""
    # It takes 20 ms to import, and to answer a text nobody needs it.
    from importlib.metadata import PackageNotFoundError, version

    found = {}
    for name in (DISTRIBUTION, *distributions):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
