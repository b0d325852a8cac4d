"""The report as one HTML page that needs no network: it contains its style, pictures and script."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from typing import Any

from bench.report import distribution, pareto
from bench.report.view import View, legend_of
from contract.errors import needs_extra
from contract.text import CONTROLS

TEMPLATE = "page.html.jinja"
SCRIPT = "page.js"
TITLE = "Speed, size and quality"


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """One session with its pictures as Vega-Lite; a picture without data is empty."""

    view: View
    pareto: dict[str, Any]
    latency: dict[str, Any]


def render(views: Sequence[View]) -> str:
    """Return the page; the same views give the same text.

    Raises:
        MissingExtraError: Jinja, Altair or vl-convert is not installed.
    """
    with needs_extra("report"):
        import vl_convert
        from jinja2 import Environment, StrictUndefined
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True, finalize=_without_controls
    )
    sections = [_section(view) for view in views]
    # Vega is 0.9 of a page's megabyte, so pages without pictures leave it out.
    has_pictures = any(section.latency for section in sections)
    script = vl_convert.javascript_bundle(_text(SCRIPT)) if has_pictures else ""
    return environment.from_string(_text(TEMPLATE)).render(
        title=TITLE, sessions=sections, legend=legend_of(views), script=script, script_hash=_hash(script)
    )


def _section(view: View) -> Section:
    charts = pareto.chart(view.rows), distribution.chart(view.rows, view.session.records)
    quality, latency = (chart.to_dict() if chart else {} for chart in charts)
    return Section(view=view, pareto=quality, latency=latency)


def _text(name: str) -> str:
    return files("bench.report").joinpath(name).read_text(encoding="utf-8")


def _without_controls(value: object) -> object:
    """Return a text of a record without what would turn the direction of the page's own; scripts and markup stay."""
    return CONTROLS.sub(" ", value) if type(value) is str else value


def _hash(script: str) -> str:
    """Return the script's hash for the page's security policy, which keeps any other script from running."""
    return b64encode(sha256(script.encode()).digest()).decode()
