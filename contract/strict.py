"""Strict documents: frozen, unknown keys refused, and errors that name the dotted key."""

import json
import tomllib
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from contract.errors import InputError, near_miss
from contract.files import read_limited
from contract.names import check_file_name, check_slug
from contract.text import printable

# pydantic's names for an unknown key of a model, and of a dataclass within one.
UNKNOWN_KEY = ("extra_forbidden", "unexpected_keyword_argument")
MISSING_KEY = "missing"
DEPTH_LIMIT = 100
TOO_DEEP = "nested too deeply"


class Strict(BaseModel):
    """Base class of this project's documents."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Document = TypeVar("Document", bound=BaseModel)

# Numbers that programs in other languages, and a float, can hold.
INT64_MAX = 2**63 - 1
Count = Annotated[int, Field(ge=0, le=INT64_MAX)]
Positive = Annotated[int, Field(gt=0, le=INT64_MAX)]

# A string of a document that becomes part of a path has one of these types.
Slug = Annotated[str, AfterValidator(check_slug)]
FileName = Annotated[str, AfterValidator(check_file_name)]
# A string that is only shown, without what controls a terminal.
Line = Annotated[str, AfterValidator(printable)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def parse(model: type[Document], value: Any, source: str) -> Document:
    """Validate a value read from a file.

    Args:
        model: the document's class.
        value: the file's content: objects, lists, strings and numbers.
        source: the file's name, to begin an error with.

    Raises:
        InputError: the first fault, with its dotted key and, for an unknown key, the near miss; of a document whose
            fields have examples, all missing keys.
    """
    try:
        # JSON rules, not Python's: a list is a tuple, a string is a path, 1 is still not "1".
        return model.model_validate_json(json.dumps(value, default=str))
    except ValidationError as error:
        raise InputError(f"{source}: {_first_fault(model, error)}") from error
    except RecursionError as error:
        raise InputError(f"{source}: {TOO_DEEP}") from error


def missing(key: str, example: str) -> PydanticCustomError:
    """Return the error of a validator that finds a key missing, which has a default in other cases.

    Args:
        key: name of the field.
        example: a value of it in TOML.
    """
    return PydanticCustomError(MISSING_KEY, "missing key", {"key": key, "example": example})


def read_toml(path: Path, model: type[Document]) -> Document:
    """Read a TOML document.

    Raises:
        InputError: the file does not exist, is too large, is not TOML, or is not such a document.
    """
    return parse(model, read_toml_value(path), str(path))


def read_toml_value(path: Path) -> dict[str, Any]:
    """Read a TOML file of any content.

    Raises:
        InputError: the file does not exist, is too large, or is not TOML.
    """
    try:
        return tomllib.loads(read_limited(path).decode("utf-8"))
    except RecursionError as error:
        raise InputError(f"{path}: cannot be read as TOML ({TOO_DEEP})") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: cannot be read as TOML ({_reason(error)})") from error


def read_json(path: Path, model: type[Document]) -> Document:
    """Read a JSON document.

    Raises:
        InputError: the file does not exist, is too large, is not JSON, or is not such a document.
    """
    return parse(model, read_json_value(path), str(path))


def read_json_value(path: Path) -> Any:
    """Read a JSON file of any content.

    Raises:
        InputError: the file does not exist, is too large, or is not JSON.
    """
    try:
        return parse_json(read_limited(path), str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read as JSON ({_reason(error)})") from error


def parse_json(data: bytes, source: str) -> Any:
    """Return the value of a JSON file.

    Args:
        data: the file's bytes.
        source: the file's name, to begin an error with.

    Raises:
        InputError: not UTF-8, not JSON, a duplicate key, or nested too deeply.
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=unique_keys)
        _check_depth(value)
    except RecursionError as error:
        raise InputError(f"{source}: cannot be read as JSON ({TOO_DEEP})") from error
    except ValueError as error:  # from decoding, from json, for a number of thousands of digits, or our own
        raise InputError(f"{source}: cannot be read as JSON ({_reason(error)})") from error
    return value


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object of some pairs; Python's own would silently keep the last of two values."""
    value: dict[str, Any] = {}
    for key, entry in pairs:
        if key in value:
            raise ValueError(f"duplicate key {key!r}")
        value[key] = entry
    return value


def _check_depth(value: Any) -> None:
    level: list[Any] = [[value]]
    for _ in range(DEPTH_LIMIT + 1):
        children = (entry for parent in level for entry in (parent.values() if isinstance(parent, dict) else parent))
        level = [child for child in children if isinstance(child, dict | list)]
        if not level:
            return
    raise ValueError(TOO_DEEP)


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _first_fault(model: type[BaseModel], error: ValidationError) -> str:
    # An unknown key first: a misspelt key is also a missing one, and the misspelling is what to mend.
    fault = min(error.errors(), key=lambda fault: fault["type"] not in UNKNOWN_KEY)
    location = [str(part) for part in fault["loc"] if part != "[key]"]
    key = ".".join(location)
    if fault["type"] in UNKNOWN_KEY:
        return f"unknown key {key!r}{near_miss(location[-1], _keys_at(model, location[:-1]))}"
    if fault["type"] == MISSING_KEY:
        return _missing_keys(model, error)
    message = fault["msg"].removeprefix("Value error, ").partition("\n")[0]
    return f"{key!r}: {message}" if key else message


def _missing_keys(model: type[BaseModel], error: ValidationError) -> str:
    """Return which keys are missing: all that have an example, which only documents written by hand have."""
    faults = [fault for fault in error.errors() if fault["type"] == MISSING_KEY]
    by_key = dict(_key_and_example(model, fault) for fault in faults)
    with_example = [f"{key} = {example}" for key, example in by_key.items() if example]
    if not with_example:
        return f"missing key {next(iter(by_key))!r}"
    return f"missing {'key' if len(with_example) == 1 else 'keys'}, for example: {', '.join(with_example)}"


def _key_and_example(model: type[BaseModel], fault: ErrorDetails) -> tuple[str, str]:
    location, context = [str(part) for part in fault["loc"]], fault.get("ctx", {})
    if "key" in context:  # from a validator of ours
        return ".".join([*location, context["key"]]), context["example"]
    examples = [
        example
        for document in _documents_at(model, location[:-1])
        if issubclass(document, BaseModel) and location[-1] in document.model_fields
        for example in document.model_fields[location[-1]].examples or ()
    ]
    return ".".join(location), str(next(iter(examples), ""))


def _keys_at(model: type[BaseModel], location: list[str]) -> list[str]:
    """Return the keys that a document may have at a location."""
    return [name for document in _documents_at(model, location) for name in _fields_of(document)]


def _documents_at(model: type[BaseModel], location: list[str]) -> list[type]:
    """Return the documents that may be at a location; parts that are no fields, as an index of a list, are passed."""
    documents: list[type] = [model]
    for part in location:
        inner = [field_type for document in documents for field_type in _documents_in(document, part)]
        documents = inner or documents
    return documents


def _documents_in(document: type, field: str) -> Iterator[type]:
    fields = _fields_of(document)
    pending = [fields[field]] if field in fields else []
    while pending:
        annotation = pending.pop()
        if isinstance(annotation, type) and (issubclass(annotation, BaseModel) or is_dataclass(annotation)):
            yield annotation
        pending.extend(get_args(annotation))


def _fields_of(document: type) -> dict[str, Any]:
    """Return the annotations of the fields of a document, or of a dataclass within one."""
    if issubclass(document, BaseModel):
        return {name: field.annotation for name, field in document.model_fields.items()}
    return get_type_hints(document)
