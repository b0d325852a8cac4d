"""The rows as JSON, for programs: a missing number is null, with its reason in `missing`."""

import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from bench.report.row import Missing, Row
from bench.report.view import View
from infer.metrics.metric import Interval


def render(views: Sequence[View], path: Path) -> str:
    """Return one JSON document: the page's path, and the summary and rows of each session."""
    sessions = [
        {
            "session": view.session.name,
            "target": view.session.target,
            "summary": view.summary,
            "notes": list(view.notes),
            "fastest": None if view.results.best is None else view.rows[view.results.best].model,
            "rows": [_row(row) for row in view.rows],
        }
        for view in views
    ]
    return json.dumps({"report": str(path), "sessions": sessions}, indent=2, ensure_ascii=False)


def _row(row: Row) -> dict[str, Any]:
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    flat = {**values, **{f"quality.{name}": value for name, value in row.quality.items()}}
    missing = {name: value.reason for name, value in sorted(flat.items()) if isinstance(value, Missing)}
    return {name: _plain(value) for name, value in values.items()} | {"missing": missing}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, Interval):
        return value.model_dump()
    return None if isinstance(value, Missing) else value
