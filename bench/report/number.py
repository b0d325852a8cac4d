"""Numbers as text, in the units people read; the minus is a minus, not a hyphen."""

from collections.abc import Callable

from infer.metrics.metric import Interval, Metric

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


def scale_of(metric: Metric) -> int:
    """Return what a metric's values are multiplied by where they are read: shares of 1 in hundredths."""
    return 100 if metric.unit == "%" else 1


def drop_unit(metric: Metric) -> str:
    """Return the unit of a difference of two values of a metric: of two percentages, points."""
    return "points" if metric.unit == "%" else metric.unit


def of_metric(metric: Metric) -> Callable[[float], str]:
    """Return what prints a metric's values, and their differences, without the unit; zero has no sign."""
    return lambda value: _signed(f"{scale_of(metric) * value:.{metric.digits}f}")


def in_unit(text: str, unit: str) -> str:
    """Print a number before its unit, if it has one."""
    return f"{text} {unit}".rstrip()


def with_interval(text: Callable[[float], str], value: Interval) -> str:
    """Print a value with its 95 % interval."""
    return f"{text(value.value)} ({text(value.low)} to {text(value.high)})"


def _signed(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else text.removeprefix("-")
