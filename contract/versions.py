"""Versions of installed libraries."""

DISTRIBUTION = "tinybert-edge"


def versions_of(*distributions: str) -> dict[str, str]:
    """Return the installed versions by distribution, this project first; distributions that are absent are left out."""
    # Importing this takes 20 ms, and answering a text does not need it.
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for name in (DISTRIBUTION, *distributions):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions
