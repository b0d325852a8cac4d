"""What a folder's model answers, as manifests of both layouts say it."""

from typing import Any

from infer import tasks


def with_task_settings(value: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest's or record's keys with those of layout 1 (`task`, `label_names`) as task settings."""
    names = value.get("label_names", ())
    kind = value.get("task")
    if not isinstance(kind, str) or kind not in tasks.MODULES or not isinstance(names, list | tuple):
        return value  # it is refused for that
    kept = {key: entry for key, entry in value.items() if key != "label_names"}
    task = tasks.settings(kind, [str(name) for name in names])
    return {**kept, "schema_version": 2, "task": task.model_dump(mode="json")}
