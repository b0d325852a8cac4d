"""Task settings from manifests of both layouts."""

from typing import Any

from infer import tasks


def with_task_settings(value: dict[str, Any]) -> dict[str, Any]:
    """Return the keys of a manifest or record with those of layout 1 (`task`, `label_names`) as task settings."""
    names = value.get("label_names", ())
    kind = value.get("task")
    if not isinstance(kind, str) or kind not in tasks.MODULES or not isinstance(names, list | tuple):
        return value  # validation refuses it
    kept = {key: entry for key, entry in value.items() if key != "label_names"}
    task = tasks.settings(kind, [str(name) for name in names])
    return {**kept, "schema_version": 2, "task": task.model_dump(mode="json")}
