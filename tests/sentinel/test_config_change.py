"""A change of the configuration on the way: from its record on it holds, and what was learned stays."""

import copy
import pickle
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from alerts import Alert
from detectors.statistical import StatisticalDetector
from sentinel.intake import Door, Intake, IntakeSettings
from sentinel.partitions import InlinePartitions, ProcessPartitions
from sentinel.pipeline import Pipeline
from sentinel.records import ConfigChange, Routed, RoutedTicket
from sentinel.settings import ConfigDocument, Settings, load_document
from sentinel.shared import Shared
from sentinel.tickets import TicketEvent
from sentinel.watch import KIND_SHARES, StreetWatch

Ticket = Callable[..., RoutedTicket]


@pytest.fixture(scope="module")
def document() -> ConfigDocument:
    return load_document()


def altered(document: ConfigDocument, **sections: dict[str, object]) -> ConfigDocument:
    changed = copy.deepcopy(dict(document))
    for section, values in sections.items():
        part = changed["sentinel.yaml"][section]
        assert isinstance(part, dict)
        part.update(values)
    return changed


def lines(pipeline: Pipeline, records: Sequence[Routed], settings: Settings) -> list[str]:
    said: list[Alert] = []
    for record in records:
        pipeline.route(record)
        said += [alert for round_ in pipeline.said() for alert in round_.alerts]
    said += [alert for round_ in pipeline.finish() for alert in round_.alerts]
    return [alert.to_json_line(settings.timezone) for alert in said]


def test_a_document_read_again_gives_the_settings_it_was_made_of(settings: Settings, document: ConfigDocument) -> None:
    assert settings.changed(document) == settings


def test_another_budget_holds_for_every_detector(settings: Settings) -> None:
    watch, fresh = StreetWatch(settings, 1.0), StreetWatch(settings, 2.0)
    statistical = [name for name, part in vars(fresh).items() if isinstance(part, StatisticalDetector)]
    assert len(statistical) == len(KIND_SHARES)
    watch.configure(settings, 2.0)
    for name in statistical:
        assert getattr(watch, name)._budget == getattr(fresh, name)._budget


def test_another_threshold_holds_from_its_record_on(
    shared: Shared, door: Door, document: ConfigDocument, ticket: Ticket, settings: Settings
) -> None:
    """Two tickets tell of danger; between them the words of danger are made to count for nothing."""
    before = ticket(0, ticket_id="T1", text="锦绣花园三号楼燃气泄漏味道很重")
    change = ConfigChange(2, before.clock, altered(document, detectors={"urgent": {"strength": 1.0}}))
    after = ticket(2, ticket_id="T2", text="云台路五百弄燃气泄漏快来人")
    plain = lines(Pipeline(shared, door), [before, after], settings)
    changed = lines(Pipeline(shared, door), [before, change, after], settings)
    assert [line.count('"kind":"urgent"') for line in plain] == [1, 1]
    assert changed == plain[:1]


def test_the_same_configuration_again_changes_nothing(
    shared: Shared, door: Door, document: ConfigDocument, events: list[TicketEvent], settings: Settings
) -> None:
    intake = Intake(door, IntakeSettings())
    records = [r for n, event in enumerate(events[:900]) for r in intake.take(n, event).records] + intake.end()
    middle = len(records) // 2
    plain = lines(Pipeline(shared, door), records, settings)
    assert plain
    # with the number of the record before it, which one partition has applied, so that all alerts keep theirs
    change = ConfigChange(records[middle - 1].seq, records[middle - 1].clock, document)
    assert lines(Pipeline(shared, door), [*records[:middle], change, *records[middle:]], settings) == plain


def test_processes_and_a_restart_follow_a_change(
    shared: Shared, door: Door, document: ConfigDocument, events: list[TicketEvent], settings: Settings
) -> None:
    intake = Intake(door, IntakeSettings())
    records: list[Routed] = []
    for n, event in enumerate(events[:900]):
        records += intake.take(n, event).records
        if n == 400:
            records += intake.change(altered(document, floors={"callers": 2}), door, IntakeSettings())
    records += intake.end()
    assert all(b.seq == a.seq + 1 for a, b in pairwise(records))
    alone = lines(Pipeline(shared, door), records, settings)
    spread = ProcessPartitions(settings, shared.partitions, 2)
    try:
        assert lines(Pipeline(shared, door, spread), records, settings) == alone
    finally:
        spread.close()
    restarted = Pipeline(shared, door)
    said: list[str] = []
    for n, record in enumerate(records):
        if n in (300, 600):
            now = restarted._shared  # the configuration in force is not part of the state
            restarted = pickle.loads(pickle.dumps(restarted))
            restarted.attach(now, door)
        restarted.route(record)
        said += [a.to_json_line(settings.timezone) for r in restarted.said() for a in r.alerts]
    said += [a.to_json_line(settings.timezone) for r in restarted.finish() for a in r.alerts]
    assert said == alone
    assert isinstance(restarted.partitions, InlinePartitions)
