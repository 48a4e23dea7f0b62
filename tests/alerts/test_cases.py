from hypothesis import given
from hypothesis import strategies as st

from alerts.cases import MAX_EVENTS, TABLE, Case, Refused
from alerts.pushes import STATUS_NAMES

VERBS = sorted({verb for _, verb in TABLE})
HAPPENINGS = ["grew", "escalated", "recurred", "quiet", "expired", "merged"]
STEPS = st.lists(st.sampled_from([*VERBS, *HAPPENINGS]), max_size=30)


def step(case: Case, at: float, what: str) -> Refused | None:
    if what in HAPPENINGS:
        case.happen(at, what)  # type: ignore[arg-type]
        return None
    return case.act(at, what, "command-center", "李", "因为", "x")  # type: ignore[arg-type]


@given(STEPS, st.booleans())
def test_every_step_is_in_the_table_and_leaves_an_event(steps: list[str], elevated: bool) -> None:
    case = Case(elevated=elevated)
    case.happen(0.0, "opened")
    for at, what in enumerate(steps, 1):
        before, events = case.status, len(case.events)
        refused = step(case, float(at), what)
        assert case.status in STATUS_NAMES
        if refused:
            assert (before, what) not in TABLE or (what == "resolve" and elevated)
            assert case.status == before
            assert len(case.events) == events
        else:
            assert case.events[-1][:2] == (float(at), what)
            assert case.events[-1].status == case.status
            if what in VERBS and what != "leader_callback":
                assert case.status == TABLE[before, what]


@given(STEPS)
def test_an_elevated_matter_ends_only_after_a_leaders_call_or_as_a_false_alarm(steps: list[str]) -> None:
    case = Case(elevated=True)
    for at, what in enumerate(steps):
        was_over = case.ended
        step(case, float(at), what)
        if case.ended and not was_over:
            assert case.called_back or what in ("false_alarm", "merged")


def test_quiet_ends_an_elevated_matter_once_the_leader_has_called() -> None:
    case = Case(elevated=True)
    case.happen(1.0, "quiet")
    assert case.status == "open"
    assert isinstance(case.act(2.0, "resolve", "street", "", "", ""), Refused)
    assert case.act(3.0, "leader_callback", "leader", "王", "已回访", "") is None
    assert case.status == "resolved"


def test_what_people_ended_opens_again_when_it_grows_and_a_false_alarm_only_when_it_escalates() -> None:
    solved, false = Case(), Case()
    solved.act(1.0, "resolve", "street", "", "", "")
    false.act(1.0, "false_alarm", "street", "", "", "")
    for case in (solved, false):
        case.happen(2.0, "grew")
    assert (solved.status, false.status) == ("open", "resolved")
    false.happen(3.0, "escalated")
    assert (false.status, false.verdict) == ("open", "")


def test_a_case_keeps_its_opening_and_its_latest_events() -> None:
    case = Case()
    case.happen(0.0, "opened")
    for at in range(1, 2 * MAX_EVENTS):
        case.act(float(at), "note", "street", "", f"{at}", "")
    assert len(case.events) == MAX_EVENTS
    assert case.events[0].what == "opened"
    assert case.events[-1].why == str(2 * MAX_EVENTS - 1)
