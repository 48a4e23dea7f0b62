"""Recent tickets: what a window of a series holds is what a look at every ticket finds, in the same order."""

import pickle

from hypothesis import given
from hypothesis import strategies as st

from sentinel.recent import RECENT, Counted, Recent
from sentinel.watch import cells_of

TOPICS = ("", "a", "a/b", "a/bc", "ab", "ab/c")
DAY = 86400.0
STEPS = st.tuples(st.floats(0, 3 * DAY), st.floats(0, 30 * DAY), st.sampled_from(TOPICS), st.booleans())


@given(st.lists(STEPS, max_size=40), st.floats(1.0, 40 * DAY), st.sampled_from(TOPICS))
def test_a_window_holds_what_a_look_at_every_ticket_finds(
    steps: list[tuple[float, float, str, bool]], window: float, series: str
) -> None:
    recent, told, clock = Recent(), [], 0.0
    for number, (passed, late, topic, sweep) in enumerate(steps):
        clock += passed
        ticket = Counted(clock - late, f"T{number}", f"s{number % 3}", number % 2 == 0)
        recent.add(clock, topic, *ticket)
        told.append((topic, ticket))
        if sweep:
            recent.forget(clock)
            recent = pickle.loads(pickle.dumps(recent))
    since = clock - min(window, RECENT)
    expected = [ticket for topic, ticket in told if ticket.at > since and series in cells_of(topic)]
    assert recent.within(window, clock, series) == expected


def test_what_is_too_old_is_dropped_with_its_topic() -> None:
    recent = Recent()
    for day in range(60):
        recent.add(day * DAY, "a" if day < 10 else "b", day * DAY, f"T{day}", "s", False)
    recent.forget(59 * DAY)
    assert len(recent) == 22
    recent.forget(100 * DAY)
    assert len(recent) == 0
