"""The taxonomy of topics: ``config/topics.yaml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=30)]


class Topic(BaseModel):
    """One leaf: its path from group to leaf, the words callers use for it, its share among tickets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Annotated[str, StringConstraints(pattern=r"^[^/\s]+(/[^/\s]+)*$", max_length=60)]
    words: Annotated[tuple[Word, ...], Field(min_length=1)]
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Taxonomy(BaseModel):
    """All topics, each path once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    topics: Annotated[tuple[Topic, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _each_once(self) -> Taxonomy:
        seen: set[str] = set()
        for topic in self.topics:
            if topic.path in seen:
                raise PydanticCustomError(
                    "config",
                    "{wrong}",
                    {"wrong": f"lists {topic.path} twice", "fix": "merge the two entries into one"},
                )
            seen.add(topic.path)
        return self

    def paths(self) -> tuple[str, ...]:
        """Return every path that names a topic: the groups on the way and the leaves, each once, in order."""
        found: dict[str, None] = {}
        for topic in self.topics:
            parts = topic.path.split("/")
            for length in range(1, len(parts) + 1):
                found.setdefault("/".join(parts[:length]))
        return tuple(found)
