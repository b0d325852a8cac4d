"""Numbers as text, in the units people read; the minus is a minus, not a hyphen."""

from collections.abc import Callable

from bench.report.score import Interval

NS_PER_MS = 1e6
BYTES_PER_MIB = 2**20


def significant(value: float) -> str:
    """Print three significant digits without an exponent."""
    for digits, limit in enumerate((99.95, 9.995, 0.9995)):
        if abs(value) >= limit:
            return f"{value:.{digits}f}"
    return f"{value:.3f}"


def milliseconds(nanoseconds: float) -> str:
    """Print nanoseconds in milliseconds."""
    return significant(nanoseconds / NS_PER_MS)


def mebibytes(size_bytes: int) -> str:
    """Print bytes in MiB."""
    return f"{size_bytes / BYTES_PER_MIB:.1f}"


def percent(share: float) -> str:
    """Print a share in percent."""
    return f"{100 * share:.1f}"


def coefficient(value: float) -> str:
    """Print a coefficient between -1 and 1."""
    return _signed(f"{value:.3f}")


def points(share: float) -> str:
    """Print a difference of shares in percentage points; zero has no sign."""
    return _signed(f"{100 * share:.1f}")


def with_interval(text: Callable[[float], str], value: Interval) -> str:
    """Print a value with its 95 % interval."""
    return f"{text(value.value)} ({text(value.low)} to {text(value.high)})"


def _signed(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else text.removeprefix("-")
