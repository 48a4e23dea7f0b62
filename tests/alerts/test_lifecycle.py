import pickle
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.detection import Detection
from alerts.lifecycle import AlertBook
from alerts.model import KINDS, MAX_TICKET_IDS, SEVERITIES, Alert

HOUR = 3600.0
DAY = 24 * HOUR
MARCH_2 = 1_772_409_600.0
Build = Callable[..., Detection]


def reasons(alerts: list[Alert]) -> list[str]:
    return [alert.reason for alert in alerts]


def test_the_same_thing_opens_once(book: AlertBook, detection: Build) -> None:
    assert reasons(book.detect(detection())) == ["opened"]
    assert book.detect(detection(at=MARCH_2 + 60)) == []


def test_another_issue_opens_its_own(book: AlertBook, detection: Build) -> None:
    (one,), (other,) = book.detect(detection()), book.detect(detection(subject="i2"))
    assert one.alert_id != other.alert_id
    assert other.dedup_key == "mass:issue:i2"


@pytest.mark.parametrize("weaker", ["new", "recurred", "rising"])
def test_a_weaker_word_about_the_same_issue_is_absorbed(book: AlertBook, detection: Build, weaker: str) -> None:
    book.detect(detection())
    assert book.detect(detection(kind=weaker)) == []


def test_a_mass_complaint_escalates_the_alert_that_is_there(book: AlertBook, detection: Build) -> None:
    (opened,) = book.detect(detection(kind="new", count=3, distinct_callers=3))
    (escalated,) = book.detect(detection())
    assert (escalated.kind, escalated.reason) == ("mass", "escalated")
    assert (escalated.alert_id, escalated.dedup_key) == (opened.alert_id, "new:issue:i1")
    assert book.detect(detection()) == []


def test_an_urgent_ticket_speaks_beside_a_mass_complaint(book: AlertBook, detection: Build) -> None:
    book.detect(detection())
    assert reasons(book.detect(detection(kind="urgent", basis="rule"))) == ["opened"]


def test_while_danger_is_open_a_weak_word_adds_to_it(book: AlertBook, detection: Build) -> None:
    urgent = {"basis": "rule", "danger": "燃气泄漏", "count": 1, "distinct_callers": 1}
    (opened,) = book.detect(detection(kind="urgent", **urgent))
    (grown,) = book.detect(detection(kind="new", count=3, distinct_callers=3))
    assert (grown.alert_id, grown.kind, grown.reason) == (opened.alert_id, "urgent", "grew")
    assert "锦绣花园燃气泄漏：3人3件来电" in grown.title
    assert reasons(book.detect(detection())) == ["opened"]


def test_it_speaks_again_only_past_a_step(book: AlertBook, detection: Build) -> None:
    told = [
        callers
        for callers in range(5, 130)
        if "grew" in reasons(book.detect(detection(count=callers, distinct_callers=callers, expected=None)))
    ]
    # at 100 it becomes critical, so there it escalates instead
    assert told == [10, 20, 50]


def test_past_the_last_step_each_doubling_counts(book: AlertBook, detection: Build) -> None:
    book.detect(detection(count=120, distinct_callers=120))
    assert book.detect(detection(count=199, distinct_callers=199)) == []
    assert reasons(book.detect(detection(count=200, distinct_callers=200))) == ["grew"]


def test_callers_of_the_whole_issue_count_and_not_only_those_of_the_window(book: AlertBook, detection: Build) -> None:
    book.detect(detection(total_callers=14))
    assert reasons(book.detect(detection(distinct_callers=3, count=3, total_callers=21))) == ["grew"]


def test_words_of_harm_escalate_and_are_remembered(book: AlertBook, detection: Build) -> None:
    book.detect(detection(kind="new", count=3, distinct_callers=3))
    (alert,) = book.detect(detection(kind="new", count=4, distinct_callers=4, texts=("水管爆裂致人身亡",)))
    assert (alert.reason, alert.severity) == ("escalated", "critical")
    assert book.detect(detection(kind="new", count=4, distinct_callers=4)) == []


def test_a_statistical_word_after_a_floor_escalates_what_only_a_rule_had_said(
    book: AlertBook, detection: Build
) -> None:
    (floor,) = book.detect(detection(basis="floor", count=5, distinct_callers=5, recurrence_days=None))
    (alert,) = book.detect(detection(count=5, distinct_callers=5))
    assert (floor.severity, floor.basis) == ("medium", "floor")
    assert (alert.severity, alert.basis, alert.reason) == ("high", "statistical", "escalated")


def test_a_new_ticket_keeps_it_open_and_can_make_it_grow(book: AlertBook, detection: Build) -> None:
    book.detect(detection())
    later = detection(count=25, distinct_callers=22)
    assert book.is_open("issue", "i1")
    assert reasons(book.progress("issue", "i1", MARCH_2 + 48 * HOUR, 8, later.evidence, later.facts)) == ["grew"]
    assert book.due(MARCH_2 + 119 * HOUR, 9) == []
    assert reasons(book.due(MARCH_2 + 120 * HOUR, 9)) == ["resolved"]


def test_progress_of_what_is_not_open_says_nothing(book: AlertBook, detection: Build) -> None:
    spoken = detection()
    assert not book.is_open("issue", "i1")
    assert book.progress("issue", "i1", MARCH_2, 1, spoken.evidence, spoken.facts) == []


def test_quiet_ends_it_at_its_due_time_and_not_when_the_clock_comes_by(book: AlertBook, detection: Build) -> None:
    book.detect(detection())
    (alert,) = book.due(MARCH_2 + 100 * HOUR, 99)
    assert (alert.state, alert.reason, alert.seq) == ("resolved", "resolved", 99)
    assert alert.updated_at.timestamp() == MARCH_2 + 72 * HOUR
    assert alert.ticket_ids == ("T1", "T2", "T3")


def test_danger_expires(book: AlertBook, detection: Build) -> None:
    book.detect(detection(kind="urgent"))
    assert [alert.state for alert in book.due(MARCH_2 + DAY, 9)] == ["expired"]


def test_what_is_due_fires_in_order_of_time_and_id(book: AlertBook, detection: Build) -> None:
    for number in range(8):
        book.detect(detection(subject=f"i{number}", at=MARCH_2 + (number % 3) * HOUR))
    fired = [(alert.updated_at, alert.alert_id) for alert in book.due(MARCH_2 + 200 * HOUR, 9)]
    assert len(fired) == 8
    assert fired == sorted(fired)


def test_what_comes_back_reopens_the_same_alert_as_what_it_now_is(book: AlertBook, detection: Build) -> None:
    (opened,) = book.detect(detection())
    book.due(MARCH_2 + 100 * HOUR, 9)
    (back,) = book.detect(detection(kind="recurred", at=MARCH_2 + 10 * DAY, count=2, distinct_callers=2))
    assert (back.state, back.reason, back.kind, back.severity) == ("open", "recurred", "recurred", "medium")
    assert back.alert_id == opened.alert_id
    assert back.opened_at == opened.opened_at


def test_after_the_horizon_it_is_forgotten_and_opens_anew(book: AlertBook, detection: Build) -> None:
    (first,) = book.detect(detection())
    book.due(MARCH_2 + 3 * DAY + 30 * DAY, 9)
    assert len(book) == 0
    assert book.next_due() is None
    (second,) = book.detect(detection(at=MARCH_2 + 60 * DAY, cause="T9"))
    assert second.reason == "opened"
    assert second.alert_id != first.alert_id


def test_merged_issues_leave_one_alert_the_stronger(book: AlertBook, detection: Build) -> None:
    (mass,) = book.detect(detection(subject="old"))
    (lesser,) = book.detect(detection(subject="into", kind="new"))
    (merged,) = book.rename("old", "into", MARCH_2 + 60, 8)
    assert (merged.alert_id, merged.reason, merged.state) == (lesser.alert_id, "merged", "resolved")
    assert book.detect(detection(subject="into")) == []
    (resolved,) = book.due(MARCH_2 + 100 * HOUR, 9)
    assert (resolved.alert_id, resolved.issue_id) == (mass.alert_id, "into")


def test_an_alert_follows_its_issue_into_one_without_alert(book: AlertBook, detection: Build) -> None:
    (opened,) = book.detect(detection(subject="old"))
    assert book.rename("old", "into", MARCH_2, 8) == []
    assert not book.is_open("issue", "old")
    (grown,) = book.detect(detection(subject="into", count=30, distinct_callers=30))
    assert (grown.alert_id, grown.reason) == (opened.alert_id, "grew")


def test_an_open_alert_lives_on_over_one_that_has_ended(book: AlertBook, detection: Build) -> None:
    book.detect(detection(subject="into"))
    book.due(MARCH_2 + 80 * HOUR, 8)
    (opened,) = book.detect(detection(subject="old", kind="new", at=MARCH_2 + 90 * HOUR))
    assert book.rename("old", "into", MARCH_2 + 91 * HOUR, 9) == []
    assert len(book) == 1
    (grown,) = book.detect(detection(subject="into", at=MARCH_2 + 92 * HOUR))
    assert grown.alert_id == opened.alert_id


def test_ticket_ids_are_bounded_and_the_count_is_not(book: AlertBook, detection: Build) -> None:
    ids = tuple(f"T{n}" for n in range(500))
    (alert,) = book.detect(detection(ticket_ids=ids))
    assert alert.ticket_ids == ids[-MAX_TICKET_IDS:]
    assert alert.ticket_count == 500


# -- the transition table, whatever happens --------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["detect", "detect", "progress", "due", "rename"]),
        st.sampled_from(KINDS),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["statistical", "floor", "rule"]),
        st.integers(1, 120),
        st.sampled_from([0.0, 60.0, HOUR, 30 * HOUR, 80 * HOUR, 31 * DAY]),
    ),
    max_size=40,
)

NEXT = {
    None: {"opened"},
    "open": {"grew", "escalated", "resolved", "expired", "merged"},
    "resolved": {"recurred"},
    "expired": {"recurred"},
}


Step = tuple[str, str, str, str, int, float]


def one(book: AlertBook, detection: Build, seq: int, step: Step, at: float) -> list[Alert]:
    action, kind, subject, basis, callers, _ = step
    alerts = book.due(at, seq)
    spoken = detection(
        kind=kind,
        subject=subject,
        basis=basis,
        at=at,
        seq=seq,
        cause=f"T{seq}",
        count=callers,
        distinct_callers=callers,
    )
    if action == "detect":
        alerts += book.detect(spoken)
    elif action == "progress":
        alerts += book.progress("issue", subject, at, seq, spoken.evidence, spoken.facts)
    elif action == "rename" and subject != "a":
        alerts += book.rename(subject, "a", at, seq)
    return alerts


def play(book: AlertBook, detection: Build, steps: list[Step], cut: int | None = None) -> list[Alert]:
    """Apply the steps to a copy of the book; at ``cut`` go on with one loaded from its pickle."""
    book, at, alerts = pickle.loads(pickle.dumps(book)), MARCH_2, []
    for seq, step in enumerate(steps):
        if seq == cut:
            book = pickle.loads(pickle.dumps(book))
        at += step[5]
        alerts += one(book, detection, seq, step, at)
    alerts += book.due(at + 10_000 * DAY, len(steps))
    assert len(book) == 0, "in the end everything is forgotten"
    assert book.next_due() is None
    return alerts


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS)
def test_every_transition_is_in_the_table(book: AlertBook, detection: Build, steps: list[Step]) -> None:
    seen: dict[str, Alert] = {}
    for alert in play(book, detection, steps):
        before = seen.get(alert.alert_id)
        state = before.state if before else None
        assert alert.reason in NEXT[state]
        assert (alert.state == "open") == (alert.reason in ("opened", "grew", "escalated", "recurred"))
        if before and alert.reason in ("grew", "escalated"):
            assert SEVERITIES.index(alert.severity) <= SEVERITIES.index(before.severity)
            assert alert.updated_at >= before.updated_at
        if before and alert.reason == "grew":
            assert alert.evidence.distinct_callers > before.evidence.distinct_callers
        seen[alert.alert_id] = alert


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS, cut=st.integers(0, 40))
def test_a_book_loaded_from_its_pickle_goes_on_the_same(
    book: AlertBook, detection: Build, steps: list[Step], cut: int
) -> None:
    assert play(book, detection, steps, cut) == play(book, detection, steps)
