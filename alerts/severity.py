"""How grave an alert is: by its kind, its evidence, words of harm in the texts, and where it came from."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

from alerts.detection import Detection
from alerts.model import KINDS, SEVERITIES, Kind, Severity, graver


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CallerStep(_Rule):
    """From so many distinct callers on, at least this severity."""

    callers: int = Field(ge=1)
    at_least: Severity


class GrowthStep(_Rule):
    """From so many times the expected count on, with at least ``min_callers``, at least this severity."""

    times: float = Field(gt=1)
    min_callers: int = Field(default=1, ge=1)
    at_least: Severity


class RarityStep(_Rule):
    """Once by chance in so many days or rarer: at least this severity."""

    recurrence_days: float = Field(gt=0)
    at_least: Severity


class HarmWords(_Rule):
    """Words that tell of harm, with the severity they call for and where the list comes from."""

    name: str
    at_least: Severity
    words: tuple[str, ...] = Field(min_length=1)


class SeverityRules(_Rule):
    """All of ``severity.yaml``. See the file for what each part means."""

    kinds: dict[Kind, Severity]
    floor: Severity
    callers: tuple[CallerStep, ...] = ()
    growth: tuple[GrowthStep, ...] = ()
    rarity: tuple[RarityStep, ...] = ()
    harm: tuple[HarmWords, ...] = ()
    harmless: tuple[str, ...] = ()
    negations: tuple[str, ...] = ()
    raising_tags: tuple[str, ...] = ()

    @field_validator("kinds")
    @classmethod
    def _every_kind(cls, kinds: dict[Kind, Severity]) -> dict[Kind, Severity]:
        if missing := [kind for kind in KINDS if kind not in kinds]:
            raise ValueError(f"lacks {', '.join(missing)}; give each kind a severity")
        return kinds


_NEGATION_REACH = 5
"""A negation counts if it stands within so many characters before the word, in the same clause."""

_CLAUSE_ENDS = "，。！？；：,!?;:\n"


class SeverityJudge:
    """Applies the rules; built once, used for every detection."""

    def __init__(self, rules: SeverityRules) -> None:
        """Compile the words."""
        self.rules = rules
        self._word_severity = {word: group.at_least for group in rules.harm for word in group.words}
        # longest first, so that 死亡证明, which is harmless, is found before 死亡
        words = sorted({*self._word_severity, *rules.harmless}, key=lambda word: (-len(word), word))
        self._pattern = re.compile("|".join(map(re.escape, words))) if words else None

    def harm_in(self, text: str) -> tuple[str, ...]:
        """Return the words of harm a masked text tells of, in order, each once; negated ones do not count."""
        if self._pattern is None:
            return ()
        found: dict[str, None] = {}
        for match in self._pattern.finditer(text):
            if match.group() in self._word_severity and not self._negated(text, match.start()):
                found.setdefault(match.group())
        return tuple(found)

    def assess(self, detection: Detection, harm: tuple[str, ...]) -> Severity:
        """Return the gravest severity any rule calls for, raised by one where the source calls for it.

        The steps of callers apply to issues: that many people complain of many things in a busy cell is its
        everyday life. ``harm`` holds the words of harm found in the texts. Several tags raise it once.
        """
        evidence = detection.evidence
        rules = self.rules
        severity = rules.floor if detection.basis == "floor" else rules.kinds[detection.kind]
        for step in rules.callers:
            if detection.scope == "issue" and evidence.distinct_callers >= step.callers:
                severity = graver(severity, step.at_least)
        for growth in rules.growth:
            if (
                evidence.expected is not None
                and evidence.distinct_callers >= growth.min_callers
                and evidence.count >= growth.times * evidence.expected
            ):
                severity = graver(severity, growth.at_least)
        for rarity in rules.rarity:
            if evidence.recurrence_days is not None and evidence.recurrence_days >= rarity.recurrence_days:
                severity = graver(severity, rarity.at_least)
        for word in harm:
            severity = graver(severity, self._word_severity.get(word, severity))
        if any(tag in rules.raising_tags for tag in detection.facts.tags):
            severity = SEVERITIES[max(0, SEVERITIES.index(severity) - 1)]
        return severity

    def _negated(self, text: str, start: int) -> bool:
        before = text[max(0, start - _NEGATION_REACH) : start]
        for mark in _CLAUSE_ENDS:
            before = before.rpartition(mark)[2]
        return any(negation in before for negation in self.rules.negations)
