"""Documents that are read strictly: frozen, unknown keys refused, errors that name the dotted key."""

import difflib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contract.errors import InputError

# Of a document, and of a dataclass within one.
UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")


class Strict(BaseModel):
    """Base of every document of this project."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Document = TypeVar("Document", bound=BaseModel)

# Numbers that programs in other languages, and a float, can hold.
INT64_MAX = 2**63 - 1
Count = Annotated[int, Field(ge=0, le=INT64_MAX)]
Positive = Annotated[int, Field(gt=0, le=INT64_MAX)]


def parse(model: type[Document], value: Any, source: str) -> Document:
    """Check a value read from a file against its model.

    Args:
        model: the document's class.
        value: what the file held: objects, lists, strings and numbers.
        source: the file's name, to begin the error with.

    Raises:
        InputError: the first fault, with its dotted key and, for an unknown key, the near miss.
    """
    try:
        # JSON rules, not Python's: a list is a tuple, a string is a path, 1 is still not "1".
        return model.model_validate_json(json.dumps(value, default=str))
    except ValidationError as error:
        raise InputError(f"{source}: {_first_fault(model, error)}") from error
    except RecursionError as error:
        raise InputError(f"{source}: nested too deeply") from error


def read_toml(path: Path, model: type[Document]) -> Document:
    """Read a TOML document.

    Raises:
        InputError: no such file, not TOML, or not such a document.
    """
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: cannot be read as TOML ({_reason(error)})") from error
    return parse(model, value, str(path))


def read_json(path: Path, model: type[Document]) -> Document:
    """Read a JSON document.

    Raises:
        InputError: no such file, not JSON, or not such a document.
    """
    try:
        return parse(model, json_value(path.read_bytes(), str(path)), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read as JSON ({_reason(error)})") from error


def json_value(data: bytes, source: str) -> Any:
    """Return the value of a JSON file's bytes.

    Raises:
        InputError: not UTF-8, not JSON, or nested too deeply.
    """
    try:
        return json.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise InputError(f"{source}: cannot be read as JSON (nested too deeply)") from error
    except ValueError as error:  # of the text, of the JSON, or of a number with thousands of digits
        raise InputError(f"{source}: cannot be read as JSON ({_reason(error)})") from error


def near_miss(word: str, known: list[str]) -> str:
    """Return `, did you mean 'x'?` for the known word most like this one, or nothing."""
    close = difflib.get_close_matches(word, known, n=1)
    return f", did you mean {close[0]!r}?" if close else ""


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _first_fault(model: type[BaseModel], error: ValidationError) -> str:
    # An unknown key first: where one is misspelt another is missing, and the misspelling is what to mend.
    fault = min(error.errors(), key=lambda fault: fault["type"] not in UNKNOWN_KEY)
    location = [str(part) for part in fault["loc"] if part != "[key]"]
    key = ".".join(location)
    if fault["type"] in UNKNOWN_KEY:
        return f"unknown key {key!r}{near_miss(location[-1], _keys_at(model, location[:-1]))}"
    if fault["type"] == "missing":
        return f"missing key {key!r}"
    message = fault["msg"].removeprefix("Value error, ").partition("\n")[0]
    return f"{key!r}: {message}" if key else message


def _keys_at(model: type[BaseModel], location: list[str]) -> list[str]:
    documents: list[type] = [model]
    for part in location:
        inner = [found for one in documents for found in _documents_in(one, part)]
        documents = inner or documents
    return [name for one in documents for name in _fields_of(one)]


def _documents_in(document: type, field: str) -> Iterator[type]:
    fields = _fields_of(document)
    pending = [fields[field]] if field in fields else []
    while pending:
        annotation = pending.pop()
        if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or is_dataclass(annotation)):
            yield annotation
        pending.extend(get_args(annotation))


def _fields_of(document: type) -> dict[str, Any]:
    """Return the annotations of a document's fields, or of a dataclass within one."""
    if issubclass(document, BaseModel):
        return {name: field.annotation for name, field in document.model_fields.items()}
    return get_type_hints(document)
