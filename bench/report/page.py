"""The report as one HTML page that needs no network: style, pictures and all are inside."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from bench.report.figure import latency_svg, pareto_svg
from bench.report.view import View, legend_of
from contract.errors import needs_extra

TEMPLATE = "page.html.jinja"
TITLE = "How fast, how small, how accurate"


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One session with its pictures; a picture is empty if there is nothing to draw."""

    view: View
    pareto: str
    latency: str


def render(views: Sequence[View]) -> str:
    """Return the page; the same views give the same text.

    Raises:
        MissingExtraError: Jinja, matplotlib, SciPy or scikit-learn is not installed.
    """
    with needs_extra("report"):
        from jinja2 import Environment, StrictUndefined
    environment = Environment(autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True)
    template = environment.from_string(files("bench.report").joinpath(TEMPLATE).read_text(encoding="utf-8"))
    sections = [_section(view, place) for place, view in enumerate(views, start=1)]
    return template.render(title=TITLE, sessions=sections, legend=legend_of(views))


def _section(view: View, place: int) -> Section:
    return Section(
        view=view,
        pareto=pareto_svg(view.rows, f"pareto-{place}"),
        latency=latency_svg(view.rows, view.session.records, f"latency-{place}"),
    )
