"""Config files read strictly: YAML and JSON with line numbers, where a key given twice is an error."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import yaml

from sentinel.errors import SentinelError

Place = tuple[str | int, ...]
"""Where a value stands in a document: keys and list positions from the top."""

Data = dict[str, object]

MAX_BYTES: Final = 20_000_000
"""No config file is larger; a larger one is another kind of file."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Problem(NamedTuple):
    """One thing wrong with the config, for the person who will put it right."""

    file: str
    line: int | None
    field: str
    value: str
    wrong: str
    fix: str

    def __str__(self) -> str:
        """Return it as one line: where, what, and what to do."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        parts = [place, self.field, f"= {self.value}" if self.value else ""]
        return f"{' '.join(part for part in parts if part)}: {self.wrong}; {self.fix}"


class ConfigError(SentinelError):
    """The config cannot be used. ``problems`` holds everything that is wrong, not only the first thing."""

    def __init__(self, problems: list[Problem]) -> None:
        """Keep the problems in the order they were found."""
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Document:
    """A config file's content: a mapping, and the line on which each of its values stands."""

    path: Path
    data: Data
    lines: dict[Place, int] = field(default_factory=dict)

    def line(self, where: Place) -> int | None:
        """Return the line of a value, or of the closest thing that holds it."""
        for length in range(len(where), 0, -1):
            if where[:length] in self.lines:
                return self.lines[where[:length]]
        return None


def read_document(path: Path) -> Document:
    """Read a file by its ending, ``.json`` or YAML.

    Raises `ConfigError` with every problem that keeps it from being a mapping.
    """
    try:
        raw = path.read_bytes()[: MAX_BYTES + 1]
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _failure(path, None, f"cannot be read ({reason})", "check the path and its permissions") from None
    if len(raw) > MAX_BYTES:
        raise _failure(path, None, "is too large for a config file", "check that it is the right file")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _failure(path, line, "is not UTF-8 text", "save it as UTF-8") from None
    return _read_json(path, text) if path.suffix == ".json" else _read_yaml(path, text)


def _failure(path: Path, line: int | None, wrong: str, fix: str) -> ConfigError:
    return ConfigError([Problem(str(path), line, "", "", wrong, fix)])


# -- YAML ------------------------------------------------------------------------------------------------


def _read_yaml(path: Path, text: str) -> Document:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        walk = _Walk(path)
        if node is not None:
            walk.visit(node, ())
        if walk.problems:
            raise ConfigError(walk.problems)
        data = {} if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "it cannot be parsed"
        raise _failure(
            path,
            mark.line + 1 if mark else None,
            f"is not valid YAML: {what}",
            "correct that line or the one above",
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        what = str(error).partition("\n")[0] or type(error).__name__
        raise _failure(path, None, f"is not valid YAML: {what}", "correct it, or start from the shipped file") from None
    finally:
        loader.dispose()
    if not isinstance(data, dict):
        raise _failure(path, 1, "holds no keys", "write `key: value` lines, as in the shipped file")
    return Document(path, data, walk.lines)


class _Walk:
    """Notes the line of every value, every key given twice, and every alias to a table or list."""

    def __init__(self, path: Path) -> None:
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []
        self._path = path
        self._seen: set[int] = set()

    def visit(self, node: yaml.Node, where: Place) -> None:
        """Walk a node that stands at ``where``."""
        line = node.start_mark.line + 1
        self.lines.setdefault(where, line)
        if isinstance(node, yaml.ScalarNode):
            return
        if id(node) in self._seen:  # a few nested aliases unfold into gigabytes
            wrong, fix = "uses a YAML alias (*) for a table or list", "write it out"
            self.problems.append(Problem(str(self._path), line, field_name(where), "", wrong, fix))
            return
        self._seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for position, item in enumerate(node.value):
                self.visit(item, (*where, position))
        elif isinstance(node, yaml.MappingNode):
            self._visit_mapping(node, where)

    def _visit_mapping(self, node: yaml.MappingNode, where: Place) -> None:
        first: dict[str, int] = {}
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            if name in first:
                self.problems.append(_twice(self._path, line, (*where, name), first[name]))
            first.setdefault(name, line)
            self.lines[*where, name] = line
            self.visit(value, (*where, name))


def _twice(path: Path, line: int | None, where: Place, first: int | None) -> Problem:
    there = "" if first is None else f" (first on line {first})"
    return Problem(str(path), line, field_name(where), "", f"is given twice{there}", "keep one of them")


# -- JSON ------------------------------------------------------------------------------------------------


def _read_json(path: Path, text: str) -> Document:
    problems: list[Problem] = []

    def unique(pairs: list[tuple[str, object]]) -> Data:
        data: Data = {}
        for name, value in pairs:
            if name in data:
                problems.append(_twice(path, None, (name,), None))
            data[name] = value
        return data

    try:
        data = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        raise _failure(
            path, error.lineno, f"is not valid JSON: {error.msg}", "correct that line or the one above"
        ) from None
    except RecursionError:
        raise _failure(path, None, "is nested too deeply", "start from the shipped file") from None
    if problems:
        raise ConfigError(problems)
    if not isinstance(data, dict):
        raise _failure(path, 1, "is not a JSON object", "start from the shipped file")
    return Document(path, data)


def field_name(where: Place) -> str:
    """Return a place in a document as people write it.

    >>> field_name(("detectors", "rising", "windows", 1))
    'detectors.rising.windows[1]'
    """
    name = ""
    for part in where:
        name += f"[{part}]" if isinstance(part, int) else f".{part}" if name else part
    return name
