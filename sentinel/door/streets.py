"""Which street a ticket belongs to: from its street field, its address, or what was said.

A city is one JSON file (`config/streets/<city>.json`, model `City`). The resolver never guesses: what the
mentions in a ticket do not agree on is `unknown`.

Mentions have two strengths. *Strong* are official names and former towns (川沙新镇, 潍坊街道), and
committees with their office (潍坊二村居委会). *Plain* are short names (川沙) and committees' bare names that
cannot be taken for a road or an ordinary word (潍坊二村, 凌兆新村). Plain mentions count only where there is
no strong one, or to choose between the streets a strong one leaves open.
"""

import re
import unicodedata
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, NamedTuple, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

UNKNOWN: Final = "unknown"
PARTITIONS: Final = 64
"""Partitions of the routed log. A street's own never changes, so that a new street moves no other."""

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=50)]
Partition = Annotated[int, Field(ge=0, lt=PARTITIONS)]


class Street(BaseModel):
    """One street or town (街镇) and what people call it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Annotated[str, StringConstraints(pattern=r"^\d{9}$")]
    name: Name
    aliases: tuple[Name, ...] = ()
    """Other names, safe in free text; those ending in 镇 or 街道 (former towns) are strong."""
    weak: tuple[Name, ...] = ()
    """Names that are also roads or ordinary words: only in the street field, at the head of an address, or
    after the district's name."""
    pinyin: str = ""
    partition: Partition
    centre: tuple[Annotated[float, Field(ge=-180, le=180)], Annotated[float, Field(ge=-90, le=90)]] | None = None
    """Longitude and latitude, degrees; rough."""
    committees: tuple[Name, ...] = ()
    """Residents' and village committees, with or without 居委会 / 村委会."""
    touches: tuple[Name, ...] = ()
    """Names of the streets that touch it: what they hear about one topic adds up. Each names the other."""


class City(BaseModel):
    """One city or district: its streets, or the rule that finds them in data of another."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    city: Name
    name: Name
    note: str = ""
    open: bool = False
    """Take any street given as its own code instead of looking it up in `streets`."""
    pattern: str = ""
    """Of an open city: a regular expression that finds the street (its group 1, if it has one) in a text."""
    district_code: Annotated[str, StringConstraints(pattern=r"^(\d{6})?$")] = ""
    unknown_partition: Partition = PARTITIONS - 1
    ordinary_words: tuple[Name, ...] = ()
    """Committees' bare names that are ordinary words (新农村): they count with their office only."""
    streets: tuple[Street, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and validate a city file (UTF-8 JSON).

        Raises `pydantic.ValidationError` for what is wrong in it, `OSError` where it cannot be read.
        """
        return cls.model_validate_json(path.read_bytes())

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"is no regular expression ({error}); correct it or leave it empty") from None
        if groups > 1:
            raise ValueError("has more than one group; keep one around the street's name, write others as (?:…)")
        return pattern

    @field_validator("streets")
    @classmethod
    def _distinct(cls, streets: tuple[Street, ...], info: ValidationInfo) -> tuple[Street, ...]:
        owners: dict[str, str] = {}
        for street in streets:
            for name in dict.fromkeys((street.code, street.name, *street.aliases, *street.weak)):
                if name in owners:
                    raise ValueError(f"name {name} for both {owners[name]} and {street.name}; keep it in one")
                owners[name] = street.name
            district = info.data.get("district_code", "")
            if not street.code.startswith(district):
                raise ValueError(f"{street.name}: code {street.code} lies outside the district {district}")
        return streets

    @field_validator("streets")
    @classmethod
    def _touching(cls, streets: tuple[Street, ...]) -> tuple[Street, ...]:
        named = {street.name: street for street in streets}
        for street in streets:
            for name in street.touches:
                if name == street.name or name not in named:
                    raise ValueError(f"{street.name} touches {name}, which is no other street of the file")
                if street.name not in named[name].touches:
                    raise ValueError(f"{street.name} touches {name}, but not the other way round; name it in both")
        return streets

    @property
    def touching(self) -> dict[str, tuple[str, ...]]:
        """For each street's code the codes of those that touch it."""
        codes = {street.name: street.code for street in self.streets}
        return {street.code: tuple(codes[name] for name in street.touches) for street in self.streets}

    @model_validator(mode="after")
    def _has_streets(self) -> Self:
        if not self.open and not self.streets:
            raise ValueError("the city has no streets; list them, or set open to true")
        if self.pattern and not self.open:
            raise ValueError("pattern works in an open city only; set open to true or remove it")
        return self


class _Form(NamedTuple):
    """What one written form of a name stands for."""

    streets: tuple[str, ...]
    strong: bool
    anchored: bool  # counts only at the head of an address or after the district's name


class _Mention(NamedTuple):
    start: int
    form: _Form


_OFFICES: Final = ("居委", "村委", "居民委", "村民委", "居民区")
_OFFICE_SUFFIX = re.compile(r"(?:居委会|村委会|居民委员会|村民委员会|居委|村委|居民区|社区)$")
_SECTION = re.compile(r"第[一二三四五六七八九十]+$")
_NUMBERED = re.compile(r"(.{2,}?)([一二三四五六七八九十]+)村$")
_BARE_NAME = re.compile(r".{2,}村$|.{3,}[苑园城庭湾府邸]$|.{2,}(?:公寓|小区)$")
_STREET_FIELD_AFFIXES = re.compile(r"^(?:上海市?)?(?:浦东新区|浦东)?|(?:办事处|人民政府|政府)$")
_CODE = re.compile(r"\d{9}(?:\d{3})?")
_OTHER_PLACE = re.compile(r".+(?:街道|镇|乡)$")
_ROAD_AFTER_TOWN = re.compile(r"[东南西北中]?(?:路|公路|大道)")
_NOT_THE_PLACE = re.compile(
    r"[东南西北中环新支老一二三四五六七八九十]{0,3}(?:路|街(?![道坊])|公路|大道|弄)"
    r"|桥|立交|高架|隧道|地铁|轨交|站|浜|河|港|新村|村|苑|园|城|湾|花园|小区|公寓|集团|物业|公司"
    r"|银行|医院|学校|小学|中学|大学|高科|广场|中心|市场|体育"
)
_DIGITS_ZH: Final = "一二三四五六七八九十"


class StreetResolver:
    """Finds the street of a ticket. Immutable after construction, picklable."""

    def __init__(self, city: City) -> None:
        """Compile the names of a city."""
        self.city = city
        self._by_code = {street.code: street for street in city.streets}
        self._by_name = {street.name: street.code for street in city.streets}
        self._forms = _forms_of(city)
        self._lengths: dict[str, tuple[int, ...]] = {}
        for form in sorted(self._forms, key=lambda form: (-len(form), form)):
            lengths = self._lengths.get(form[-2:], ())
            if len(form) not in lengths:
                self._lengths[form[-2:]] = (*lengths, len(form))
        last = "".join(sorted({form[-1] for form in self._forms}))
        self._ends = re.compile(f"[{re.escape(last)}]") if last else None
        self._pattern = re.compile(city.pattern) if city.pattern else None
        self._district = tuple(dict.fromkeys((city.name, city.name.removesuffix("新区"))))
        for street in city.streets:  # short names are what many street fields hold: looked up, not searched
            for name in (*street.aliases, *street.weak):
                if found := self._from_field(name):
                    self._by_name[name] = found

    def resolve(self, street: str, address: str, text: str, title: str = "") -> str:
        """The street's code, or `unknown` where the ticket does not say it beyond doubt.

        `street` decides where it names one (or names a place outside the city: then `unknown`); else
        `address` does; else `title` and `text` together.
        """
        if self.city.open:
            return self._resolve_open(street, address, text, title)
        found = self._by_name.get(street) or (self._from_field(street) if street else "")
        if found:
            return found
        candidates = self._agreed(_clean(address), is_address=True) if address else None
        if candidates is None or len(candidates) > 1:
            said = self._agreed(f"{title}。{text}".replace(" ", ""), is_address=False)
            if said is not None:
                candidates = said if candidates is None else candidates & said
        return next(iter(candidates)) if candidates and len(candidates) == 1 else UNKNOWN

    def name(self, code: str) -> str:
        """What people call the street with this code; of an open city, the code itself."""
        if code == UNKNOWN:
            return "街镇不详"
        street = self._by_code.get(code)
        return street.name if street else code

    def partition(self, code: str) -> int:
        """The street's partition of the routed log; of an open city, a checksum of the code."""
        if code == UNKNOWN:
            return self.city.unknown_partition
        street = self._by_code.get(code)
        return street.partition if street else zlib.crc32(code.encode()) % PARTITIONS

    def _resolve_open(self, street: str, address: str, text: str, title: str) -> str:
        given = _clean(street)[:50]
        if given:
            return given
        if self._pattern is None:
            return UNKNOWN
        for source in (address, title, text):
            found = {match[self._pattern.groups] for match in self._pattern.finditer(source)}
            if found:
                return found.pop() if len(found) == 1 else UNKNOWN
        return UNKNOWN

    def _from_field(self, street: str) -> str:
        """The code the street field gives, `unknown` for a place elsewhere, "" where it says nothing."""
        given = _STREET_FIELD_AFFIXES.sub("", _clean(street))
        if _CODE.fullmatch(given):
            return given[:9] if given[:9] in self._by_code else UNKNOWN
        form = self._forms.get(given)
        if form is None and _OFFICE_SUFFIX.search(given):
            form = self._forms.get(_OFFICE_SUFFIX.sub("居委", given))
        if form is not None and len(form.streets) == 1:
            return form.streets[0]
        agreed = self._agreed(given, is_address=True) if given else None
        if agreed is not None and len(agreed) == 1:
            return next(iter(agreed))
        return UNKNOWN if _OTHER_PLACE.match(given) else ""

    def _agreed(self, text: str, *, is_address: bool) -> frozenset[str] | None:
        """The streets that fit every mention; None where there is none, empty where they contradict."""
        mentions = self._mentions(text, is_address=is_address)
        agreed: frozenset[str] | None = None
        for strong in (True, False):
            for mention in mentions:
                if mention.form.strong is strong:
                    streets = frozenset(mention.form.streets)
                    agreed = streets if agreed is None else agreed & streets
            if strong and agreed is not None and len(agreed) < 2:
                break
        return agreed

    def _mentions(self, text: str, *, is_address: bool) -> list[_Mention]:
        """Names in the text, without those inside a longer one."""
        mentions: list[_Mention] = []
        if self._ends is None:
            return mentions
        for match in self._ends.finditer(text):
            end = match.end()
            for length in self._lengths.get(text[end - 2 : end], ()):
                form = self._forms.get(text[end - length : end]) if length <= end else None
                if form is None:
                    continue
                start = end - length
                while mentions and mentions[-1].start >= start:
                    mentions.pop()
                if self._counts(form, text, start, end, is_address=is_address):
                    mentions.append(_Mention(start, form))
                break
        return mentions

    def _counts(self, form: _Form, text: str, start: int, end: int, *, is_address: bool) -> bool:
        if form.strong:
            return text[end - 1] not in "镇道" or _ROAD_AFTER_TOWN.match(text, end) is None
        if _NOT_THE_PLACE.match(text, end):
            return False
        if not form.anchored:
            return True
        return (is_address and start == 0) or text.endswith(self._district, 0, start)


def _clean(text: str) -> str:
    """Half-width, without spaces."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def _forms_of(city: City) -> dict[str, _Form]:
    """Every written form of every name, with all the streets it may stand for."""
    forms: dict[str, _Form] = {}
    for street in city.streets:
        for written, strong, anchored in _written(street, city.ordinary_words):
            known = forms.get(written, _Form((), strong, anchored))
            forms[written] = _Form(
                tuple(sorted({*known.streets, street.code})),
                known.strong or strong,
                known.anchored and anchored,
            )
    return forms


def _written(street: Street, ordinary_words: tuple[str, ...]) -> Iterator[tuple[str, bool, bool]]:
    """The forms of one street's names: as written, whether strong, whether anchored."""
    yield street.name, True, False
    for alias in street.aliases:
        yield alias, alias.endswith(("镇", "街道")), False
    for weak in street.weak:
        yield weak, False, True
    for committee in street.committees:
        core = _OFFICE_SUFFIX.sub("", committee)
        names = [core, *_numbered_variants(core)]
        estate = _SECTION.sub("", core)
        for name in names:
            if name not in ordinary_words:
                yield from ((name + office, True, False) for office in _OFFICES)
        for name in dict.fromkeys((*names, estate, *_numbered_variants(estate))):
            if _BARE_NAME.match(name) and name not in ordinary_words:
                yield name, False, False


def _numbered_variants(name: str) -> Iterator[str]:
    """潍坊二村 is also written 潍坊2村; 潍坊六七村 holds 潍坊六村 and 潍坊七村."""
    numbered = _NUMBERED.fullmatch(name)
    if numbered is None:
        return
    estate, numeral = numbered.groups()
    if len(numeral) > 1 and "十" not in numeral:
        for digit in numeral:
            yield f"{estate}{digit}村"
            yield f"{estate}{_DIGITS_ZH.index(digit) + 1}村"
        return
    tens, _, ones = numeral.rpartition("十")
    value = (10 * (_DIGITS_ZH.index(tens) + 1 if tens else 1) if "十" in numeral else 0) + (
        _DIGITS_ZH.index(ones) + 1 if ones else 0
    )
    yield f"{estate}{value}村"
