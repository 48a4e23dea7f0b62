"""What figures tell, and what they must not."""

from sentinel.stream.metrics import CITY, OUTCOMES, Metrics
from tests.alerts.conftest import transition


def test_figures_do_not_tell_of_which_street_a_complaint_about_conduct_is() -> None:
    metrics = Metrics()
    metrics.count(transition())
    metrics.count(transition(restricted=True, alert_id="a2"))

    def opened(street: str) -> float | None:
        return metrics.registry.get_sample_value("sentinel_alerts_opened_total", {"kind": "new", "street": street})

    assert (opened("310115103"), opened(CITY)) == (1.0, 1.0)


def test_a_worker_that_has_taken_nothing_shows_noughts() -> None:
    metrics = Metrics()
    assert metrics.registry.get_sample_value("sentinel_ticket_events_total", {"outcome": "routed"}) is None
    metrics.expect_messages()
    for outcome in OUTCOMES:
        assert metrics.registry.get_sample_value("sentinel_ticket_events_total", {"outcome": outcome}) == 0.0
