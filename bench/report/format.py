"""Numbers as text, in the units that people read; `infer.metrics.format` formats values of metrics."""

NS_PER_MS = 1e6
BYTES_PER_MIB = 2**20


def significant(value: float) -> str:
    """Format with three significant digits, without an exponent."""
    for digits, limit in enumerate((99.95, 9.995, 0.9995)):
        if abs(value) >= limit:
            return f"{value:.{digits}f}"
    return f"{value:.3f}"


def milliseconds(nanoseconds: float) -> str:
    """Format nanoseconds as milliseconds."""
    return significant(nanoseconds / NS_PER_MS)


def mebibytes(size_bytes: int) -> str:
    """Format bytes as MiB."""
    return f"{size_bytes / BYTES_PER_MIB:.1f}"


def percent(share: float) -> str:
    """Format a share as a percentage."""
    return f"{100 * share:.1f}"
