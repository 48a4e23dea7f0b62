"""What every detector promises, checked on each of them by the same stream of one street."""

from __future__ import annotations

import pickle
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from detectors.area import AreaDetector
from detectors.base import Decision, Detector
from detectors.baseline import Level
from detectors.bounced import BouncedDetector
from detectors.callers import CallerLedger
from detectors.drift import DriftDetector
from detectors.floor import FloorDetector
from detectors.mass import MassDetector
from detectors.new import NewDetector
from detectors.overdue import OverdueDetector
from detectors.recurred import RecurredDetector
from detectors.regrowth import RegrowthDetector
from detectors.repeat_call import RepeatCallDetector
from detectors.rising import RisingDetector
from detectors.unsatisfied import UnsatisfiedDetector
from detectors.urgent import DangerCue, UrgentDetector
from tests.detectors.streams import DAY, HOUR, MONDAY, Call, background, burst, merged

Said = list[Decision | None]


@dataclass
class Watch:
    """A detector with the ledger it reads and the way a call is shown to it."""

    detector: Detector
    show: Callable[[Watch, Call], Said]
    ledger: CallerLedger

    def run(self, calls: Sequence[Call]) -> Said:
        return [decision for call in calls for decision in self.show(self, call)]


def _rising(watch: Watch, call: Call) -> Said:
    assert isinstance(watch.detector, RisingDetector)
    group = call.topic.partition("/")[0]
    return [
        watch.detector.update("", call.t, call.caller),
        watch.detector.update(group, call.t, call.caller, parent=""),
        watch.detector.update(call.topic, call.t, call.caller, parent=group),
    ]


def _area(watch: Watch, call: Call) -> Said:
    assert isinstance(watch.detector, AreaDetector)
    street, usual = "abc"[sum(map(ord, call.caller)) % 3], Level(0.4, 20.0, 1.2)
    area = watch.detector.update(call.topic, street, call.t, call.caller, usual, (7.0, 2.0, 1.0), lambda _: (9.0, 9.0))
    return [None if area is None else area.decision]


def _new(watch: Watch, call: Call) -> Said:
    assert isinstance(watch.detector, NewDetector)
    return [watch.detector.update(call.issue, watch.ledger.add(call.issue, call.t, call.caller))]


def _mass(watch: Watch, call: Call) -> Said:
    assert isinstance(watch.detector, MassDetector)
    return [watch.detector.update(call.issue, watch.ledger.add(call.issue, call.t, call.caller))]


def _floor(watch: Watch, call: Call) -> Said:
    assert isinstance(watch.detector, FloorDetector)
    return [watch.detector.update(watch.ledger.add(call.issue, call.t, call.caller), call.topic)]


def _regrowth(watch: Watch, call: Call) -> Said:
    assert isinstance(watch.detector, RegrowthDetector)
    callers = watch.ledger.add(call.issue, call.t, call.caller)
    return [watch.detector.update(call.issue, callers, call.caller)]


def _recurred(watch: Watch, call: Call) -> Said:
    assert isinstance(watch.detector, RecurredDetector)
    if call.caller.endswith("7"):
        watch.detector.close(call.issue)
    callers = watch.ledger.add(call.issue, call.t, call.caller)
    return [watch.detector.update(call.issue, callers, call.caller)]


def _repeat_call(watch: Watch, call: Call) -> Said:
    assert isinstance(watch.detector, RepeatCallDetector)
    said = watch.detector.update(call.issue, call.t, call.caller)
    watch.detector.close(call.issue, call.t + HOUR, call.caller)
    return [said]


def _bounced(watch: Watch, call: Call) -> Said:
    assert isinstance(watch.detector, BouncedDetector)
    return [watch.detector.update(call.issue, call.t, f"h{len(call.caller)}", returned=call.caller == "")]


def _overdue(watch: Watch, call: Call) -> Said:
    assert isinstance(watch.detector, OverdueDetector)
    handler = call.topic.partition("/")[0]
    ticket = f"{call.issue} of {call.caller}"
    watch.detector.open(handler, ticket, call.t + HOUR)
    if not call.issue.startswith("burst"):
        watch.detector.close(handler, ticket, call.t)
    return [watch.detector.update(handler, call.t)]


def _unsatisfied(watch: Watch, call: Call) -> Said:
    assert isinstance(watch.detector, UnsatisfiedDetector)
    bad = call.issue.startswith("burst") or call.issue.endswith("5")
    return [watch.detector.update(call.topic.partition("/")[0], call.t, bad)]


def _drift(watch: Watch, call: Call) -> Said:
    assert isinstance(watch.detector, DriftDetector)
    return [watch.detector.update("", call.t, call.topic.partition("/")[0], lambda _: 0.125)]


def _urgent(watch: Watch, call: Call) -> Said:
    assert isinstance(watch.detector, UrgentDetector)
    cue = DangerCue(0.9, negated=call.caller.endswith("1"), drill=call.caller == "")
    return [watch.detector.update([cue] if call.issue.startswith("burst") else [])]


WATCHES: dict[str, tuple[Callable[[], Detector], Callable[[Watch, Call], Said]]] = {
    "rising": (RisingDetector, _rising),
    "area": (lambda: AreaDetector(touching={"a": ("b", "c"), "b": ("a",), "c": ("a",)}), _area),
    "new": (NewDetector, _new),
    "mass": (MassDetector, _mass),
    "regrowth": (lambda: RegrowthDetector(alarms_per_week=0.5), _regrowth),
    "floor": (FloorDetector, _floor),
    "recurred": (lambda: RecurredDetector(alarms_per_week=0.5), _recurred),
    "repeat_call": (RepeatCallDetector, _repeat_call),
    "bounced": (BouncedDetector, _bounced),
    "overdue": (OverdueDetector, _overdue),
    "unsatisfied": (lambda: UnsatisfiedDetector(alarms_per_week=0.5), _unsatisfied),
    "drift": (lambda: DriftDetector(alarms_per_week=0.5, batch=5), _drift),
    "urgent": (UrgentDetector, _urgent),
}


def _stream() -> list[Call]:
    """Sixty days of a street, a burst on a new issue, and the same issue back after a month."""
    quiet = list(background(5, days=60, calls_a_day=25.0))
    first = burst("burst", MONDAY + 24 * DAY, callers=25, hours=10.0, topic="g1/t9")
    again = [call._replace(caller=f"again-{call.caller}") for call in first]
    later = [call._replace(t=call.t + 30 * DAY) for call in again]
    return merged(quiet, first, later)


STREAM = _stream()


@pytest.fixture(params=sorted(WATCHES))
def watch(request: pytest.FixtureRequest) -> Callable[[], Watch]:
    make, show = WATCHES[request.param]
    return lambda: Watch(make(), show, CallerLedger())


def test_says_something(watch: Callable[[], Watch]) -> None:
    """Or the other tests would compare nothing with nothing."""
    assert any(said is not None and said.fired for said in watch().run(STREAM))


def test_the_same_input_gives_the_same_decisions(watch: Callable[[], Watch]) -> None:
    assert watch().run(STREAM) == watch().run(STREAM)


def test_continues_bit_by_bit_after_a_pickle(watch: Callable[[], Watch]) -> None:
    whole = watch().run(STREAM)
    first = watch()
    said = []
    for begin in range(0, len(STREAM), 311):
        said += first.run(STREAM[begin : begin + 311])
        detector, ledger = pickle.loads(pickle.dumps((first.detector, first.ledger)))
        first = replace(first, detector=detector, ledger=ledger)
    assert said == whole


def test_a_clone_starts_from_nothing(watch: Callable[[], Watch]) -> None:
    used = watch()
    used.run(STREAM[:500])
    fresh = replace(used, detector=used.detector.clone(), ledger=CallerLedger())
    assert fresh.run(STREAM) == watch().run(STREAM)


def test_ignores_the_wall_clock(watch: Callable[[], Watch], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = watch().run(STREAM)

    def read() -> float:
        raise AssertionError("a detector read the clock")

    for name in ("time", "time_ns", "monotonic", "perf_counter", "localtime", "gmtime"):
        monkeypatch.setattr(time, name, read)
    said = watch().run(STREAM)
    monkeypatch.undo()
    assert said == expected


def test_takes_equal_times(watch: Callable[[], Watch]) -> None:
    coarse = [call._replace(t=call.t // HOUR * HOUR) for call in STREAM]
    assert watch().run(coarse) == watch().run(coarse)


def test_takes_late_times(watch: Callable[[], Watch]) -> None:
    """Calls up to ten minutes late change nothing of what they are evidence for."""
    rng = random.Random(3)
    arrived = sorted(STREAM, key=lambda call: call.t + rng.random() * 600.0)
    said = watch().run(arrived)
    assert any(decision is not None and decision.fired for decision in said)


def test_memory_is_bounded_by_what_is_alive(watch: Callable[[], Watch]) -> None:
    """When the caller forgets issues, the state stops growing."""
    calls = list(background(8, days=150, calls_a_day=20.0, leaves=12))
    watched = watch()
    sizes: list[int] = []
    alive: dict[str, Call] = {}
    for number, call in enumerate(calls):
        watched.run([call])
        alive[call.issue] = call
        for old in [c for c in alive.values() if c.t < call.t - 20 * DAY]:
            del alive[old.issue]
            watched.detector.forget(old.issue)
            watched.ledger.forget(old.issue)
        if number % 100 == 99:
            sizes.append(len(pickle.dumps(watched.detector)))
    half = len(sizes) // 2
    assert max(sizes[half:]) < 1.3 * max(sizes[:half]) + 2_000


def test_forgets_everything_about_a_key(watch: Callable[[], Watch]) -> None:
    watched = watch()
    watched.detector.forget("never seen")
    watched.run(STREAM[:400])
    keys = {key for call in STREAM[:400] for key in (call.issue, call.topic, call.topic.partition("/")[0])}
    for key in sorted(keys):
        watched.detector.forget(key)
    assert b"i1" not in pickle.dumps(watched.detector)


def test_explains_itself(watch: Callable[[], Watch]) -> None:
    watched = watch()
    for said in watched.run(STREAM):
        if said is None:
            continue
        evidence = said.evidence
        assert said.kind == watched.detector.kind
        assert said.basis == watched.detector.basis
        assert evidence.statistic
        assert evidence.observed >= 0.0
        assert evidence.low <= evidence.high
        assert 0.0 < evidence.p_value <= 1.0
        if said.basis == "statistical":
            assert evidence.observed > evidence.expected
            assert evidence.p_value == pytest.approx(10.0**-evidence.score)


def test_retuned_to_its_own_parameters_it_decides_as_before(watch: Callable[[], Watch]) -> None:
    plain, retuned = watch(), watch()
    half = len(STREAM) // 2
    before = retuned.run(STREAM[:half])
    retuned.detector.retune(watch().detector)
    assert [*before, *retuned.run(STREAM[half:])] == plain.run(STREAM)


def test_retuned_it_has_the_others_parameters(watch: Callable[[], Watch]) -> None:
    detector = watch().detector
    plain = {name: value for name, value in detector._get_params().items() if isinstance(value, int | float)}
    other = detector.clone({name: type(value)(value * 2) for name, value in plain.items()})
    detector.retune(other)
    assert {name: detector._get_params()[name] for name in plain} == {name: 2 * v for name, v in plain.items()}
