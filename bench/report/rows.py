"""The rows as JSON, for programs: a number that is absent is null, with its reason in `missing`."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from bench.report.table import Absent, Row
from bench.report.unit import fitting
from bench.report.view import View


def render(views: Sequence[View], path: Path) -> str:
    """Return one JSON document: where the page is, and for each session its summary and rows."""
    sessions = [
        {
            "session": view.session.name,
            "target": view.session.target,
            "summary": view.summary,
            "fastest": None if view.results.best is None else view.rows[view.results.best].model,
            "rows": [_row(row) for row in view.rows],
        }
        for view in views
    ]
    return json.dumps({"report": str(path), "sessions": sessions}, indent=2, ensure_ascii=False)


def _row(row: Row) -> dict[str, Any]:
    names = fitting([field.name for field in fields(row)], [row.task])
    absent = {name for name in names if isinstance(getattr(row, name), Absent)}
    values = {name: value for name, value in asdict(row).items() if name in names}
    missing = {name: values[name]["reason"] for name in sorted(absent)}
    return {name: None if name in absent else value for name, value in values.items()} | {"missing": missing}
