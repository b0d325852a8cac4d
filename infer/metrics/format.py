"""Values of metrics as text, in the units that people read; negative numbers have a minus sign, not a hyphen."""

from collections.abc import Callable

from infer.metrics.metric import Interval, Metric


def metric_scale(metric: Metric) -> int:
    """Return the factor between a metric's stored values and its printed ones: 100 for percentages."""
    return 100 if metric.unit == "%" else 1


def metric_number(metric: Metric) -> Callable[[float], str]:
    """Return a function that formats a metric's values and their differences, without the unit; zero has no sign."""
    return lambda value: _signed(f"{metric_scale(metric) * value:.{metric.digits}f}")


def metric_value(metric: Metric, value: float) -> str:
    """Format a metric's value with its name and unit: `F1 88.0 %`."""
    return f"{metric.heading} {metric_number(metric)(value)} {metric.unit}".rstrip()


def metric_interval(metric: Metric, interval: Interval) -> str:
    """Format a metric's value with its name, 95 % interval and unit: `F1 88.0 (86.1 to 89.7) %`."""
    text = metric_number(metric)
    bounds = f"({text(interval.low)} to {text(interval.high)})"
    return f"{metric.heading} {text(interval.value)} {bounds} {metric.unit}".rstrip()


def drop_unit(metric: Metric) -> str:
    """Return the unit of a difference of two values of a metric: points for percentages."""
    return "points" if metric.unit == "%" else metric.unit


def metric_drop(metric: Metric, drop: float) -> str:
    """Format a difference of two values of a metric with its unit: `2.6 points`."""
    return f"{metric_number(metric)(drop)} {drop_unit(metric)}".rstrip()


def metric_drop_interval(metric: Metric, drop: Interval) -> str:
    """Format a difference with its 95 % interval and unit: `2.6 (2.0 to 3.3) points`."""
    text = metric_number(metric)
    return f"{text(drop.value)} ({text(drop.low)} to {text(drop.high)}) {drop_unit(metric)}".rstrip()


def _signed(text: str) -> str:
    return text.replace("-", "\N{MINUS SIGN}") if float(text) else text.removeprefix("-")
