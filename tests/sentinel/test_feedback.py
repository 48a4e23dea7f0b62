"""Feedback: what people found to be real teaches nothing about chance."""

import pickle
from collections.abc import Callable

import pytest

from detectors.calibration import Calibrator
from detectors.statistical import StatisticalDetector
from sentinel.intake import Door
from sentinel.partition import Partition
from sentinel.pipeline import Pipeline
from sentinel.records import Feedback, RoutedTicket
from sentinel.settings import Settings
from sentinel.shared import Shared
from sentinel.watch import StreetWatch

DAY = 86400.0
Ticket = Callable[..., RoutedTicket]


def test_a_confirmed_episode_is_not_counted() -> None:
    plain, told = Calibrator(), Calibrator()
    for calibrator in (plain, told):
        for day in range(30):
            calibrator.observe(f"issue-{day}", DAY * day, 3.0)
            if calibrator is told and day % 2:
                calibrator.discard(f"issue-{day}")
        calibrator.advance(DAY * 60)
    assert told.episodes_a_day(3.0) < plain.episodes_a_day(3.0)


@pytest.fixture
def calls(ticket: Ticket) -> list[RoutedTicket]:
    """Six people call about one thing."""
    text = "锦绣花园三号楼电梯坏了一个星期没人修"
    return [ticket(n, ticket_id=f"T{n}", text=text, caller=f"{n:016x}") for n in range(6)]


def test_a_street_learns_from_feedback_about_its_issue(shared: Shared, calls: list[RoutedTicket]) -> None:
    partition = Partition(shared.streets.partition(calls[0].street), shared)
    alerts = [alert for call in calls for alert in partition.take(call).alerts]
    alert = alerts[-1]
    _, scope, subject = alert.dedup_key.split(":", 2)
    street = partition.streets[calls[0].street]
    open_episodes = street._watch._mass.calibrator._open.keys() | street._watch._new.calibrator._open.keys()
    assert subject in open_episodes
    for real in (False, True):
        feedback = Feedback(7 + real, calls[-1].clock, alert.street, scope, subject, real)
        assert partition.take(feedback).alerts == []
        kept = street._watch._mass.calibrator._open.keys() | street._watch._new.calibrator._open.keys()
        assert (subject in kept) is not real


def test_what_is_real_is_no_chance_to_any_detector_of_issues(settings: Settings) -> None:
    watch = StreetWatch(settings, 1.0)
    detectors = [part for part in vars(watch).values() if isinstance(part, StatisticalDetector)]
    for detector in detectors:
        detector.calibrator.observe("iss-1", DAY, 5.0)
    watch.confirm("issue", "iss-1")
    assert [type(d).__name__ for d in detectors if "iss-1" in d.calibrator._open] == [
        "RisingDetector",
        "DriftDetector",
    ]


def test_feedback_about_what_is_not_known_changes_nothing(shared: Shared, calls: list[RoutedTicket]) -> None:
    partition = Partition(shared.streets.partition(calls[0].street), shared)
    partition.take(calls[0])
    before = pickle.dumps(partition.streets)
    partition.take(Feedback(2, calls[0].clock, calls[0].street, "issue", "unheard of", True))
    partition.take(Feedback(3, calls[0].clock, "310115999", "issue", "unheard of", True))
    assert pickle.dumps(partition.streets) == before
    assert partition.applied == 3


def test_the_city_gets_feedback_through_all_partitions(shared: Shared, door: Door, calls: list[RoutedTicket]) -> None:
    pipeline = Pipeline(shared, door)
    for call in calls:
        pipeline.route(call)
    city = pipeline._city
    city._watch._mass.calibrator.observe("iss-1", calls[-1].clock, 5.0)
    pipeline.route(Feedback(7, calls[-1].clock, "", "issue", "iss-1", True))
    pipeline.said()
    assert "iss-1" not in city._watch._mass.calibrator._open
