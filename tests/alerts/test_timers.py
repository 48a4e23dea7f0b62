import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.timers import Timers


def test_the_next_is_the_earliest_and_among_equals_the_smallest_owner() -> None:
    timers: Timers[str] = Timers()
    for key, due, owner in [("x", 5.0, "b"), ("y", 5.0, "a"), ("z", 1.0, "c")]:
        timers.set(key, due, owner)
    assert [timers.pop() for _ in range(3)] == ["z", "y", "x"]
    with pytest.raises(LookupError):
        timers.pop()


CHANGES = st.lists(st.tuples(st.sampled_from("abcd"), st.none() | st.integers(0, 20)), max_size=40)


@given(CHANGES)
def test_moved_and_dropped_timers_fire_once_at_their_last_time(changes: list[tuple[str, int | None]]) -> None:
    timers: Timers[str] = Timers()
    last: dict[str, float] = {}
    for key, due in changes:
        if due is None:
            timers.drop(key)
            last.pop(key, None)
        else:
            timers.set(key, float(due), f"id-{key}")
            last[key] = float(due)
        assert timers.next_due() == min(last.values(), default=None)
    fired = []
    while timers.next_due() is not None:
        due = timers.next_due()
        fired.append((due, timers.pop()))
    assert fired == sorted((due, key) for key, due in last.items())
