"""Distinct callers in windows, against a list that remembers everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from detectors.callers import CallerLedger, RecentCallers

CALLS = st.lists(st.tuples(st.integers(0, 5000), st.sampled_from(["", "a", "b", "c", "d"])), max_size=60)


@given(CALLS, st.sampled_from([100.0, 1000.0]))
def test_counts_what_a_full_list_counts(calls: list[tuple[int, str]], window: float) -> None:
    callers = RecentCallers()
    calls.sort()
    for n, (t, caller) in enumerate(calls):
        callers.add(float(t), caller, horizon=1000.0)
        inside = [c for s, c in calls[: n + 1] if s > t - window]
        assert callers.distinct(float(t), window) == len(set(inside) - {""})
        assert callers.unknown(float(t), window) == inside.count("")
        both = len(set(inside) - {""}) + inside.count("")
        assert callers.count(float(t), window) == both
        assert [callers.reach(float(t), (window,), (least,)) for least in range(1, 6)] == [
            both >= least for least in range(1, 6)
        ]


@given(CALLS)
def test_order_within_the_horizon_does_not_matter(calls: list[tuple[int, str]]) -> None:
    """A late call counts as if it had come in time."""
    end = 5000.0
    sizes = set()
    for order in (sorted(calls), sorted(calls, key=lambda call: call[0] % 7)):
        callers = RecentCallers()
        callers.add(end, "z", horizon=6000.0)
        for t, caller in order:
            callers.add(float(t), caller, horizon=6000.0)
        sizes.add((callers.distinct(end, 500.0), callers.unknown(end, 500.0), callers.first, callers.tickets))
    assert len(sizes) == 1


def test_repeats_are_not_fresh_and_what_is_too_late_counts_nothing() -> None:
    callers = RecentCallers()
    assert callers.add(0.0, "a", horizon=100.0)
    assert not callers.add(50.0, "a", horizon=100.0)
    assert callers.add(200.0, "a", horizon=100.0)
    assert (callers.total, callers.tickets, callers.previous) == (2, 3, 50.0)
    assert not callers.add(100.0, "b", horizon=100.0)
    assert callers.distinct(200.0, 1000.0) == 1


def test_the_ledger_forgets() -> None:
    ledger = CallerLedger()
    ledger.add("issue", 0.0, "a")
    assert ledger.get("issue") is not None
    ledger.forget("issue")
    ledger.forget("issue")
    assert ledger.get("issue") is None
    assert len(ledger) == 0
