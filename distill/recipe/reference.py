"""The reference of all recipe keys, from their types: `python -m distill.recipe.reference > docs/recipe.md`."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from inspect import cleandoc
from typing import Any, get_args

from pydantic import BaseModel

from distill.recipe.recipe import Recipe

HEADER = """# All keys of a recipe

What is needed at least, and how the parts work together, is in [distillation](distillation.md).
`--set KEY=VALUE` changes any key.

<!-- Generated: python -m distill.recipe.reference > docs/recipe.md -->
"""
TABLE = """
| key | value | default | meaning |
|---|---|---|---|
"""
# One attribute of a docstring: its names, and what is said of them until the next.
ATTRIBUTE = re.compile(r"^ {4}(\w+(?:, \w+)*): (.*?)(?=^ {4}\w|\Z)", re.MULTILINE | re.DOTALL)
NOUNS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def markdown() -> str:
    """Return the reference as Markdown."""
    return HEADER + "".join(_section(heading, model) for heading, model in _sections("", Recipe))


def meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return what the docstrings of a section and of those it extends say of its keys."""
    found: dict[str, str] = {}
    for document in reversed(model.__mro__):
        _, _, attributes = cleandoc(document.__doc__ or "").partition("\nAttributes:\n")
        for names, meaning in ATTRIBUTE.findall(attributes):
            found |= dict.fromkeys(names.split(", "), " ".join(meaning.split()))
    return {name: found[name] for name in model.model_fields if name in found}


def _sections(heading: str, model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """Yield a section and those within it, each with its name in TOML."""
    yield heading, model
    for name, field in model.model_fields.items():
        inner, is_list = _document_in(field.annotation)
        if inner is not None:
            yield from _sections(_heading_in(heading, name, is_list=is_list), inner)


def _heading_in(heading: str, name: str, *, is_list: bool) -> str:
    parent = heading.strip("[]")
    dotted = f"{parent}.{name}" if parent else name
    return f"[[{dotted}]]" if is_list else f"[{dotted}]"


def _document_in(annotation: Any) -> tuple[type[BaseModel] | None, bool]:
    """Return the document that a field holds, if any, and whether it is a list of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for argument in get_args(annotation):
        document, _ = _document_in(argument)
        if document is not None:
            return document, getattr(annotation, "__origin__", None) is tuple
    return None, False


def _section(heading: str, model: type[BaseModel]) -> str:
    title = f"\n## `{heading}`\n" if heading else "\n## At the top\n"
    summary = cleandoc(model.__doc__ or "").partition("\nAttributes:")[0]
    schema, said = model.model_json_schema(), meanings(model)
    required = schema.get("required", ())
    rows = [
        f"| `{name}` | {_value(entry)} | {_default(entry, said[name], is_required=name in required)} | {said[name]} |"
        for name, entry in schema["properties"].items()
    ]
    return title + "\n" + " ".join(summary.split()) + "\n" + TABLE + "\n".join(rows) + "\n"


def _value(entry: Mapping[str, Any]) -> str:
    """Return what kind of value a key takes, in words."""
    if "anyOf" in entry:
        kinds = dict.fromkeys(_value(kind) for kind in entry["anyOf"] if kind.get("type") != "null")
        if NOUNS["number"] in kinds:  # a whole number is one
            kinds.pop(NOUNS["integer"], None)
        return " or ".join(kinds)
    if "$ref" in entry:
        return "table"
    if "const" in entry or "enum" in entry:
        return ", ".join(f"`{json.dumps(value)}`" for value in entry.get("enum", [entry.get("const")]))
    if entry.get("type") == "array":
        return f"list of: {_value(entry['items'])}"
    if entry.get("type") == "object":
        return "table"
    bounds = [f"{sign} {entry[name]:,}" for name, sign in BOUNDS.items() if name in entry]
    return " ".join([NOUNS[entry["type"]], *bounds[:1], *(f"and {bound}" for bound in bounds[1:])])


def _default(entry: Mapping[str, Any], meaning: str, *, is_required: bool) -> str:
    if "by default" in meaning.lower():
        return "see meaning"
    if is_required:
        return "required"
    default = entry.get("default")
    if default in (None, "", []):
        return "none"
    if isinstance(default, dict):
        return f"`{{ {', '.join(f'{name} = {value}' for name, value in default.items() if value)} }}`"
    return f"`{json.dumps(default)}`"


if __name__ == "__main__":
    sys.stdout.write(markdown())
