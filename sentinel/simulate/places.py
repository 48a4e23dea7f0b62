"""Pudong's real streets peopled with invented estates, roads and companies."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sentinel.simulate.chance import Chance, Weighted
from sentinel.simulate.names import Entity, Namer

_POOLS: Final[dict[str, float]] = {
    # things of a kind in a street of average size; what is not listed has 4
    "estate": 45, "road": 20, "shop": 25, "restaurant": 20, "bar": 6, "school": 5, "kindergarten": 4,
    "site": 4, "property": 14, "gym": 5, "salon": 6, "training": 8, "employer": 30, "builder": 8, "bus": 6,
    "platform": 6, "village": 10, "river": 5,
}  # fmt: skip
_FRESH: Final[dict[str, float]] = {
    # how often a ticket about this kind is about one never named before
    "shop": 0.5, "restaurant": 0.35, "employer": 0.6, "builder": 0.4, "platform": 0.3, "salon": 0.35,
    "gym": 0.2, "training": 0.3, "finance": 0.4, "agency": 0.4, "dealer": 0.4, "decor": 0.5, "travel": 0.4,
    "clinic": 0.3, "person": 1.0,
}  # fmt: skip


class StreetName(NamedTuple):
    """A 街道 or 镇 as the street file has it."""

    code: str
    name: str
    short: str
    committees: tuple[str, ...]


def read_streets(path: Path) -> list[StreetName]:
    """The streets of a file like `config/streets/pudong.json`, in its order.

    Raises
    ------
    OSError, ValueError
        If the file is missing or is not such a file.
    """
    entries = json.loads(path.read_text(encoding="utf-8"))["streets"]
    streets = []
    for entry in entries:
        names = [*entry.get("aliases", ()), *entry.get("weak", ())]
        short = min(names, key=len) if names else entry["name"].removesuffix("街道").removesuffix("镇")
        streets.append(StreetName(entry["code"], entry["name"], short, tuple(entry["committees"])))
    if not streets:
        raise ValueError(f"{path} lists no streets; simulate with a city whose streets are listed")
    return streets


class Street:
    """One street with its size and all that is in it.

    Parameters
    ----------
    names
        Its code, names and committees.
    size
        Its share of the city's tickets relative to an average street.
    namer, chance
        Where names and numbers come from.
    """

    def __init__(self, names: StreetName, size: float, namer: Namer, chance: Chance) -> None:
        """Lay out the roads; things are made up when first spoken of."""
        self.code = names.code
        self.name = names.name
        self.short = names.short
        self.size = size
        self._committees = names.committees or (f"{names.short}居委会",)
        self._namer = namer
        self._chance = chance
        self._roads: Sequence[str] = [namer.road() for _ in range(max(6, round(18 * size)))]
        self._pools: dict[str, Weighted[Entity]] = {}

    def new_entity(self, kind: str) -> Entity:
        """A thing of this kind that has not been spoken of."""
        chance = self._chance
        return self._namer.entity(kind, chance.pick(self._roads), chance.pick(self._committees))

    def entity(self, kind: str) -> Entity:
        """A thing of this kind: some are named again and again, some once."""
        if self._chance.hit(_FRESH.get(kind, 0.0)):
            return self.new_entity(kind)
        pool = self._pools.get(kind)
        if pool is None:
            count = max(3, round(_POOLS.get(kind, 4) * self.size))
            things = [self.new_entity(kind) for _ in range(count)]
            # a few estates are known to everyone at the hotline, most are not
            pool = self._pools[kind] = Weighted(things, [1.0 / (rank + 3.0) ** 0.7 for rank in range(count)])
        return pool.draw(self._chance)


def people(streets: Sequence[StreetName], seed: int, half: int) -> list[Street]:
    """All streets with their sizes and things, a function of `seed` and `half`."""
    sizes = Chance(f"{seed}/sizes")
    weights = [max(4, len(street.committees)) ** 1.1 * sizes.lognormal(1.0, 0.45) for street in streets]
    mean = sum(weights) / len(weights)
    return [
        Street(
            street,
            weight / mean,
            Namer(half, Chance(f"{seed}/names/{street.code}")),
            Chance(f"{seed}/things/{street.code}"),
        )
        for street, weight in zip(streets, weights, strict=True)
    ]
