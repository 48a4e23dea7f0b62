"""What ``subscribers.yaml`` says of things that another file does not know."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.domains import CONDUCT, DomainRules
from sentinel.config_files import Document, Place, Problem, field_name
from sentinel.config_problems import closest
from sentinel.door.streets import City
from sentinel.taxonomy import Taxonomy

_MATCHERS = ("match", "by", "mutes")


def unknown_references(document: Document, taxonomy: Taxonomy, city: City, domains: DomainRules) -> list[Problem]:
    """Return one problem for each topic, street or domain in a matcher that is not in its file."""
    known = {
        "topic": ("is not a topic of topics.yaml", taxonomy.paths()),
        "domains": ("is not a domain of domains.yaml", (*domains.domains, CONDUCT)),
    }
    if not city.open:
        known["street"] = (
            f"is not a street of streets/{city.city}.json",
            tuple(street.code for street in city.streets),
        )
    problems = []
    for where, value in _matched(document.data, ()):
        wrong, names = known.get(str(where[-1]), ("", ()))
        for one in value if isinstance(value, list) else [value]:
            if wrong and str(one) not in names:
                line = document.line(where)
                problems.append(
                    Problem(str(document.path), line, field_name(where), str(one), wrong, closest(str(one), names))
                )
    return problems


def _matched(value: object, where: Place) -> Iterator[tuple[Place, object]]:
    """Every key of every matcher, with where it stands."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in _MATCHERS:
                for part in inner if isinstance(inner, list) else [inner]:
                    yield from (((*where, key, name), v) for name, v in part.items()) if isinstance(part, dict) else ()
            else:
                yield from _matched(inner, (*where, key))
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from _matched(inner, (*where, position))
