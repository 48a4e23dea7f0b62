"""Hotlines of which it is known what each ticket is about, since they were written so.

`written_issues.tsv` and `unseen_issues.tsv` have those that were written, each ticket in words of its own: hotlines of
three weeks, and others of five months, in which issues return; encoders learn from the former only. `retold` makes more
of the tellings that `tune.py` keeps back: in one street many places whose names are everyday words, several problems at
each, and each problem at several, in the same words, in others, and months later. What tells two apart there is the
name alone, or the problem alone.
"""

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from embeddings.clusterer import Reading
from embeddings.train.ngrams import SENTENCES, sentences
from embeddings.train.tune import families, kept_back
from sentinel.door.callers import PUBLIC_KEY, CallerHasher
from sentinel.door.masking import mask
from sentinel.door.streets import StreetResolver
from sentinel.reading import with_topic
from sentinel.records import RoutedTicket
from sentinel.shared import Shared
from sentinel.topics import TopicClassifier

DAY = 86400.0
STREETS, DAYS = 24, 100
FAMILIES, PLACES, PROBLEMS = 5, 30, (1, 4)
NOWHERE, LONG, RETURNING = 0.1, 0.08, 0.4
"""How often a ticket names no place, and then nobody knows its issue; how often one goes on and on; and how often an
issue is told of again months later."""
HEADS = (
    "阳光", "锦绣", "碧云", "金桥", "银桥", "东方", "明珠", "育才", "幸福", "绿地", "世纪", "香樟", "云山", "长青",
    "和平", "建设", "新华", "春风", "江南", "海桐", "玉兰", "中兴", "虹桥", "凤凰", "百花", "星河", "紫荆", "康乐",
    "文化", "振兴", "龙泉", "翠湖", "西郊", "南苑", "滨江", "白杨", "光明", "胜利", "团结", "万年",
)  # fmt: skip
KINDS = (
    "花园", "家园", "佳苑", "公寓", "新村", "名邸", "雅苑", "一村", "二村", "小学", "中学", "广场", "大厦", "菜场",
    "路", "公园",
)  # fmt: skip
FORMS = (
    "{place}{telling}", "市民反映，{place}{telling}", "来电人称{place}{house}，{telling}", "{place}{house}{telling}",
    "{telling}，{place}", "市民来电反映，{place}小区{telling}", "我住{place}{house}，{telling}",
)  # fmt: skip


def by_street(tickets: Iterable[RoutedTicket], shared: Shared) -> list[tuple[str, list[Reading]]]:
    """Tickets in order of time as the clusterer sees them, street by street; a topic not given is guessed there."""
    streams: dict[str, list[Reading]] = {}
    classifiers: dict[str, TopicClassifier] = {}
    for ticket in tickets:
        reading = shared.reader.read(ticket)
        if ticket.street not in classifiers:
            classifiers[ticket.street] = shared.classifier()
        topic, sure = classifiers[ticket.street].topic_of(reading.terms.words, ticket.topic)
        streams.setdefault(ticket.street, []).append(with_topic(reading, topic, sure))
    return sorted(streams.items())


def written(path: Path, shared: Shared) -> tuple[list[list[Reading]], dict[str, str]]:
    """Hotlines in a file as the clusterer sees them, by hotline and street, in order of time, and each ticket's issue.

    A line is a ticket: hotline, issue, hours since it began, caller, street, address, title, text.
    """
    resolver, hasher = StreetResolver(shared.settings.streets), CallerHasher(PUBLIC_KEY)
    hotlines: dict[str, list[RoutedTicket]] = {}
    truth: dict[str, str] = {}
    rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    for number, row in enumerate(sorted(rows, key=lambda row: (int(row[0]), float(row[2])))):
        hotline, issue, hours, caller, street = row[:5]
        address, title, text = map(mask, row[5:])
        ticket = RoutedTicket(
            0, 0.0, resolver.resolve(street, address, text, title), "created", f"{hotline}-{number}",
            3600.0 * float(hours), title, text, address=address, caller=hasher.hash(f"{hotline}-{caller}"),
        )  # fmt: skip
        hotlines.setdefault(hotline, []).append(ticket)
        truth[ticket.ticket_id] = f"{hotline}-{issue}"
    return [stream for tickets in hotlines.values() for _, stream in by_street(tickets, shared)], truth


class Told(NamedTuple):
    """What `retold` makes a ticket of."""

    at: float
    issue: str
    place: str
    texts: list[str]


def retold(shared: Shared) -> tuple[list[list[Reading]], dict[str, str]]:
    """Made-up streets as the clusterer sees them, in order of time, and each ticket's issue."""
    every = families()
    known = [every[family] for family in kept_back(every)]
    around = [row for row in sentences(SENTENCES) if row.label == "-"]
    talk = [row.text for row in around if row.kind == "套话"]
    streams: list[list[Reading]] = []
    truth: dict[str, str] = {}
    for street in range(STREETS):
        rng = random.Random(street)
        tickets, forms = [], rng.sample(FORMS, 2)  # every hotline has its ways to begin a note
        for number, told in enumerate(sorted(_told(known, rng), key=lambda told: told.at)):
            name = f"retold-{street}-{number}"
            place, issue = (told.place, f"{street}-{told.issue}") if rng.random() >= NOWHERE else ("", name)
            house = f"{rng.randrange(1, 40)}号楼" if rng.random() < 0.7 else f"{rng.randrange(1, 200)}号"
            text, address = rng.choice(told.texts).rstrip("。"), ""
            if not place and rng.random() < 0.5:
                text = text.split("，")[0][: rng.randint(2, 8)]  # all that some operators note
            elif place and rng.random() < 0.2:
                address = place + house
            elif place:
                text = rng.choice(forms).format(place=place, telling=text, house=house)
            if rng.random() < LONG:
                text = "。".join([text, *rng.choices(talk, k=60)])
            elif len(text) > 8 and rng.random() < 0.3:
                text = f"{text}，{rng.choice(talk)}"
            tickets.append(
                RoutedTicket(
                    0, 0.0, "310115004", "created", name, told.at, "", text, address=address,
                    caller=f"{rng.getrandbits(60):016x}",
                )
            )  # fmt: skip
            truth[name] = issue
        streams += [stream for _, stream in by_street(tickets, shared)]
    return streams, truth


def _told(known: list[dict[str, list[str]]], rng: random.Random) -> Iterator[Told]:
    """What is told of in one street, in no order."""
    problems = [texts for family in rng.sample(known, FAMILIES) for texts in family.values()]
    names = [head + kind for head in HEADS for kind in KINDS]
    for place in rng.sample(names, PLACES):
        for problem in rng.sample(range(len(problems)), rng.randint(*PROBLEMS)):
            begin, issue = rng.uniform(0.0, DAYS * DAY), f"{place}-{problem}"
            # as often as not several tell of it, and some say what the one before them said
            several = 1 if rng.random() < 0.5 else rng.randint(2, 6)
            texts = problems[problem] if rng.random() < 0.5 else problems[problem][:1]
            for _ in range(several):
                yield Told(begin + rng.expovariate(1.0 / DAY), issue, place, texts)
            if rng.random() < RETURNING * (several > 1):
                yield Told(begin + rng.uniform(20.0, 120.0) * DAY, issue, place, texts)
