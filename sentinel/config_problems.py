"""What a validation error means to the person who edits the config: where, what is wrong, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sentinel.config_files import Document, Place, Problem, field_name

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_BOUNDS: Final = {
    "greater_than": ("gt", "is too small", "above"),
    "greater_than_equal": ("ge", "is too small", "of at least"),
    "less_than": ("lt", "is too large", "below"),
    "less_than_equal": ("le", "is too large", "of at most"),
}
_TYPES: Final = {
    "int_type": ("is not a whole number", "write a whole number, without quotes"),
    "int_from_float": ("is not a whole number", "write a whole number"),
    "int_parsing": ("is not a whole number", "write a whole number"),
    "float_type": ("is not a number", "write a number"),
    "float_parsing": ("is not a number", "write a number"),
    "finite_number": ("is not a finite number", "write a finite number"),
    "string_type": ("is not a text", "write a text, in quotes if it looks like a number"),
    "bool_type": ("is not true or false", "write true or false"),
    "bool_parsing": ("is not true or false", "write true or false"),
    "tuple_type": ("is not a list", "write it as a list: [a, b]"),
    "list_type": ("is not a list", "write it as a list: [a, b]"),
    "dict_type": ("is not a table", "write `key: value` lines under it"),
    "model_type": ("is not a table", "write `key: value` lines under it"),
    "model_attributes_type": ("is not a table", "write `key: value` lines under it"),
}


def problems_of(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Problem]:
    """Return one problem for each thing the validation found, in the order of the file's fields."""
    return [_problem(detail, document, model) for detail in error.errors(include_url=False)]


def closest(name: str, known: Iterable[str]) -> str:
    """Return the advice to write the most similar of the known names, or the list of them.

    >>> closest("min_caller", ["windows", "min_callers"])
    'did you mean min_callers?'
    """
    names = list(known)
    if similar := difflib.get_close_matches(name, names, n=1, cutoff=0.6):
        return f"did you mean {similar[0]}?"
    if not names or len(names) > 12:
        return "remove it"
    return f"use one of: {', '.join(names)}"


def shown(value: object) -> str:
    """Return a value short enough for a line of a table; tables and long lists are not shown."""
    if isinstance(value, dict | BaseModel):
        return ""
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _problem(detail: ErrorDetails, document: Document, model: type[BaseModel]) -> Problem:
    # pydantic marks a mapping's bad key with a last "[key]", which is no place in the file
    where: Place = tuple(part for part in detail["loc"] if part != "[key]")
    wrong, fix = _explain(detail, where, model)
    value = "" if detail["type"] == "missing" else shown(detail["input"])
    return Problem(str(document.path), document.line(where), field_name(where), value, wrong, fix)


def _explain(detail: ErrorDetails, where: Place, model: type[BaseModel]) -> tuple[str, str]:
    kind, context = detail["type"], detail.get("ctx", {})
    if "fix" in context:
        return detail["msg"], str(context["fix"])
    if kind == "extra_forbidden":
        return "is not a key Sentinel knows", closest(str(where[-1]), _fields(model, where[:-1]))
    if kind == "missing":
        return "is missing", "add it, as in the shipped file"
    if kind == "literal_error":
        expected = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ").split(", ")
        return "is not one of the known values", closest(str(detail["input"]), expected)
    if kind in _BOUNDS:
        name, wrong, relation = _BOUNDS[kind]
        return wrong, f"write a number {relation} {context.get(name)}"
    if kind in ("too_short", "too_long"):
        few = kind == "too_short"
        bound = context.get("min_length" if few else "max_length")
        return f"has too {'few' if few else 'many'} entries", f"give at {'least' if few else 'most'} {bound}"
    if kind in _TYPES:
        return _TYPES[kind]
    message = detail["msg"].removeprefix("Value error, ")
    wrong, _, fix = message.partition("; ")
    return wrong, fix or "correct it, as in the shipped file"


def _fields(model: type[BaseModel], where: Place) -> list[str]:
    """Return the keys a table at ``where`` may have, following the models down."""
    current: object = model
    for part in where:
        if isinstance(current, type) and issubclass(current, BaseModel):
            current = current.model_fields[str(part)].annotation if part in current.model_fields else None
        elif get_origin(current) in (tuple, dict):
            current = get_args(current)[1 if get_origin(current) is dict else 0]
    if isinstance(current, type) and issubclass(current, BaseModel):
        return list(current.model_fields)
    return []
