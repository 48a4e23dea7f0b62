"""The circuit: its waits, and the state that metrics show."""

from hypothesis import given
from hypothesis import strategies as st

from sentinel.circuit import Circuit


def test_a_failure_opens_it_a_try_half_and_an_answer_closes_it() -> None:
    circuit = Circuit(300.0)
    assert circuit.state == "closed"
    circuit.again()
    assert circuit.state == "closed", "nothing has failed"
    circuit.failed("answered 500")
    assert (circuit.state, circuit.reason) == ("open", "answered 500")
    circuit.again()
    assert circuit.state == "half-open"
    circuit.failed("answered 502")
    assert (circuit.state, circuit.failures) == ("open", 2)
    circuit.again()
    circuit.succeeded()
    assert (circuit.state, circuit.reason, circuit.failures) == ("closed", "", 2)


@given(chances=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40), longest=st.floats(1.0, 600.0))
def test_waits_grow_are_bounded_and_begin_anew_after_an_answer(chances: list[float], longest: float) -> None:
    given_out = iter([*chances, 1.0])
    circuit = Circuit(longest, lambda: next(given_out))
    for number, chance in enumerate(chances):
        full = min(longest, 2.0**number)
        assert circuit.failed("no") == full * (0.5 + 0.5 * chance)
        assert full / 2 <= full * (0.5 + 0.5 * chance) <= longest
    circuit.succeeded()
    assert circuit.failed("no") == 1.0


def test_it_waits_at_least_as_long_as_it_is_asked_to() -> None:
    assert Circuit(300.0).failed("busy", least=77.0) == 77.0
