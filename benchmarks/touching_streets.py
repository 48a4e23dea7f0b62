"""Trouble that spreads over streets that touch: what adding them up finds that no street and no city-wide topic shows.

    python -m benchmarks.touching_streets

Calls of the generator of `benchmarks/false_alarms.py` for every street of the shipped city, and every third day, once
eight weeks have passed, calls about one topic of it in two to four streets that touch, over two days: so many as are
given in all, by different callers, about different things. They are shown to the series of the street stage, to the
topics of the city stage and to what adds up touching streets, as the stages show them. What each says is counted as
an alarm from the recurrence interval on at which it says as often something else as is given: the same number of false
alarms for each. An outbreak is found by an alarm about its topic, or the topic's group, in one of its streets, in the
city, or in an area with one of its streets, from its first call until a day after its last.
Writes benchmarks/results/touching_streets.json.
"""

from __future__ import annotations

import argparse
import random
from collections import defaultdict
from collections.abc import Iterator
from heapq import merge
from statistics import median
from typing import NamedTuple

from rich.console import Console
from rich.progress import track

from benchmarks._outbreaks import show, write
from benchmarks.false_alarms import START, Call, calls
from detectors.area import AreaDetector
from detectors.base import DAY
from sentinel.records import RoutedTicket
from sentinel.settings import Settings, load_settings
from sentinel.watch import KIND_SHARES, StreetWatch

WARM_UP_WEEKS = 8
EVERY_DAYS = 3.0
LASTS_DAYS = 2.0
SIZES = (8, 12, 16, 24)
LEAST_DAYS = 3.0
WAYS = ("streets' series", "the city's topics", "touching streets")
TOGETHER = "all three"


class Outbreak(NamedTuple):
    """Calls about one topic in some streets."""

    topic: str
    streets: tuple[str, ...]
    begins: float
    calls: int


class Alarm(NamedTuple):
    """What one way says: about which series, in which streets (none: all), when, and how seldom by chance."""

    way: str
    series: str
    streets: tuple[str, ...]
    at: float
    recurrence_days: float


def outbreaks(rng: random.Random, settings: Settings, until: float) -> Iterator[Outbreak]:
    """Planted trouble, in order."""
    touching = settings.streets.touching
    topics = settings.topics.topics
    begins = START + WARM_UP_WEEKS * 7 * DAY
    while begins + LASTS_DAYS * DAY < until:
        topic = rng.choices(topics, [topic.weight for topic in topics])[0].path
        centre = rng.choice([street for street, others in touching.items() if len(others) >= 3])
        streets = (centre, *rng.sample(touching[centre], rng.choice((1, 2, 3))))
        yield Outbreak(topic, streets, begins + rng.uniform(0.3, 0.8) * DAY, rng.choice(SIZES))
        begins += EVERY_DAYS * DAY


def planted(rng: random.Random, some: list[Outbreak]) -> Iterator[tuple[float, str, Call]]:
    """Their calls, in no order: by day, in turn in each street and then anywhere."""
    for number, outbreak in enumerate(some):
        for n in range(outbreak.calls):
            street = outbreak.streets[n] if n < len(outbreak.streets) else rng.choice(outbreak.streets)
            at = outbreak.begins + LASTS_DAYS * DAY * rng.random()
            yield at, street, Call(at, -1, outbreak.topic, 10**9 + 100 * number + n, False)


def alarms(settings: Settings, stream: Iterator[tuple[float, str, Call]]) -> Iterator[Alarm]:
    """What each way says of a stream, from what chance brings once in three days on."""
    codes = [street.code for street in settings.streets.streets]
    budget = 7.0 / LEAST_DAYS
    watches = {code: StreetWatch(settings, budget / len(codes) / KIND_SHARES["rising"]) for code in codes}
    city = StreetWatch(settings, budget / KIND_SHARES["rising"], len(codes))
    areas = AreaDetector(budget, settings.streets.touching)
    for number, (at, street, call) in enumerate(stream):
        caller = f"{call.caller:x}" * bool(call.caller)
        ticket = RoutedTicket(number, at, street, "created", str(number), at, caller=caller)
        for series, decision in watches[street].cells(ticket, call.topic):
            yield Alarm(WAYS[0], series, (street,), at, decision.evidence.recurrence_days / len(codes))
        for series, decision in city.cells(ticket, call.topic):
            yield Alarm(WAYS[1], series, (), at, decision.evidence.recurrence_days)
        area = city.area(areas, ticket, call.topic, watches[street].level(call.topic))
        if area is not None and area.decision.fired:
            yield Alarm(WAYS[2], call.topic, area.streets, at, area.decision.evidence.recurrence_days)


def about(alarm: Alarm, outbreak: Outbreak) -> bool:
    """Whether an alarm may be for an outbreak."""
    if not outbreak.begins <= alarm.at <= outbreak.begins + (LASTS_DAYS + 1.0) * DAY:
        return False
    series = alarm.series in (outbreak.topic, outbreak.topic.partition("/")[0])
    return series and (not alarm.streets or bool(set(alarm.streets) & set(outbreak.streets)))


def episodes(some: list[Alarm]) -> list[float]:
    """Recurrence intervals of what would be one alarm each: the rarest of a way, series and place within three days."""
    best: dict[tuple[str, str, str], tuple[float, float]] = {}
    ended = []
    for alarm in some:
        key = (alarm.way, alarm.series, "" if alarm.way == WAYS[2] else "".join(alarm.streets))
        since, rarest = best.get(key, (alarm.at, 0.0))
        if alarm.at - since > 3 * DAY:
            ended.append(rarest)
            since, rarest = alarm.at, 0.0
        best[key] = (since, max(rarest, alarm.recurrence_days))
    return sorted([*ended, *(rarest for _, rarest in best.values())], reverse=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[71, 72, 73])
    parser.add_argument("--weeks", type=int, default=40)
    parser.add_argument("--calls-a-day", type=float, default=1200.0)
    parser.add_argument("--false-a-week", type=float, default=0.25, help="false alarms a week of each way")
    options = parser.parse_args()
    console = Console()
    settings = load_settings(None)
    topics = [(topic.path, topic.weight) for topic in settings.topics.topics]
    days = options.weeks * 7
    told: dict[str, list[Alarm]] = defaultdict(list)
    some: list[Outbreak] = []
    for number, seed in enumerate(track(options.seeds, "cities", console=console)):
        rng = random.Random(seed)
        # one city after the other on one line of time, far enough apart
        shift = number * (days + 60) * DAY
        codes = [street.code for street in settings.streets.streets]
        sizes = [rng.lognormvariate(0.0, 0.5) for _ in codes]
        streams = []
        for code, size in zip(codes, sizes, strict=True):
            own = random.Random(f"{seed}/{code}")
            stream = calls(own, topics, options.calls_a_day * size / sum(sizes), days)
            streams.append([(call.at, code, call) for call in stream])
        here = list(outbreaks(rng, settings, START + days * DAY))
        streams.append(sorted(planted(rng, here), key=lambda item: item[:2]))
        for alarm in alarms(settings, merge(*streams, key=lambda item: item[:2])):
            if alarm.at >= START + WARM_UP_WEEKS * 7 * DAY:
                told[alarm.way].append(alarm._replace(at=alarm.at + shift))
        some += [outbreak._replace(begins=outbreak.begins + shift) for outbreak in here]
    weeks = len(options.seeds) * (options.weeks - WARM_UP_WEEKS)
    found: dict[str, dict[int, float]] = {}
    for way in WAYS:
        found[way] = first(told[way], some, options.false_a_week * weeks)
    third = [first(told[way], some, options.false_a_week * weeks / len(WAYS)) for way in WAYS]
    found[TOGETHER] = {
        n: min(one[n] for one in third if n in one) for n in range(len(some)) if any(n in one for one in third)
    }
    rows = []
    for way, at in found.items():
        row: dict[str, object] = {"way": way}
        for size in SIZES:
            of_size = [n for n, outbreak in enumerate(some) if outbreak.calls == size]
            row[f"{size} calls"] = f"{sum(n in at for n in of_size) / len(of_size):.0%}"
        row["all"] = f"{len(at) / len(some):.0%}"
        row["median hours"] = round(median(hours / 3600.0 for hours in at.values()), 1) if at else None
        rows.append(row)
    show(console, f"{len(some)} outbreaks in touching streets, {options.false_a_week} false alarms a week", rows)
    write("touching_streets.json", {"outbreaks": len(some), "false a week": options.false_a_week, "rows": rows})


def first(told: list[Alarm], some: list[Outbreak], false: float) -> dict[int, float]:
    """Of each outbreak that is found, by its number, after how many seconds, at so many false alarms in all."""
    mine: dict[int, list[Alarm]] = defaultdict(list)
    others = []
    begins = [outbreak.begins for outbreak in some]
    for alarm in told:
        near = [n for n in range(len(some)) if 0.0 <= alarm.at - begins[n] <= (LASTS_DAYS + 1.0) * DAY]
        right = [n for n in near if about(alarm, some[n])]
        for n in right:
            mine[n].append(alarm)
        if not right:
            others.append(alarm)
    rare = episodes(others)
    above = rare[int(false)] if int(false) < len(rare) else 0.0
    at = {}
    for n, alarms_of in mine.items():
        times = [alarm.at for alarm in alarms_of if alarm.recurrence_days > above]
        if times:
            at[n] = min(times) - some[n].begins
    return at


if __name__ == "__main__":
    main()
