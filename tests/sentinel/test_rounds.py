"""Rounds: the city is told the same, whatever the order in which partitions answer, and however often."""

import pickle
from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from sentinel.records import ConfigChange, Feedback, HandlerDigest, Heartbeat, Tick
from sentinel.rounds import Rounds, Waiting


def digest(seq: int, street: str = "s") -> HandlerDigest:
    return HandlerDigest(seq, float(seq), street, "h", "T", float(seq), 0.0, False, None, False)


def tick(seq: int) -> Tick:
    return Tick(seq, 10.0 * seq)


def test_what_waits_comes_out_by_number_and_in_the_order_it_came() -> None:
    waiting = Waiting[str]()
    for number, item in [(3, "c"), (1, "a"), (3, "d"), (2, "b"), (7, "e")]:
        waiting.put(number, item)
    assert waiting.up_to(3) == ["a", "b", "c", "d"]
    assert waiting.up_to(6) == []
    assert waiting.up_to(7) == ["e"]


def over(rounds: Rounds) -> Iterator[Heartbeat]:
    while (heartbeat := rounds.next()) is not None:
        yield heartbeat


def test_a_round_waits_for_every_partition() -> None:
    rounds = Rounds([3, 5])
    rounds.take(3, [tick(2)], [digest(1)])
    assert rounds.next() is None
    rounds.take(5, [tick(2)], [])
    assert rounds.next() == Heartbeat(2, 20.0, 0, (digest(1),))
    assert rounds.next() is None


def test_an_answer_to_several_ticks_is_as_many_rounds() -> None:
    rounds = Rounds([0, 1])
    rounds.take(0, [tick(2), tick(4), tick(6)], [digest(1), digest(3), digest(5)])
    rounds.take(1, [tick(2)], [])
    assert [beat.digests for beat in over(rounds)] == [(digest(1),)]
    rounds.take(1, [tick(4), tick(6)], [])
    assert [(beat.seq, beat.digests) for beat in over(rounds)] == [(4, (digest(3),)), (6, (digest(5),))]


def test_a_repeat_changes_nothing() -> None:
    rounds = Rounds([0, 1])
    rounds.take(0, [tick(2)], [digest(1)])
    before = pickle.dumps(rounds)
    rounds.take(0, [tick(2)], [digest(1)])
    assert pickle.dumps(rounds) == before


def test_feedback_to_the_city_is_a_round_of_its_own() -> None:
    rounds = Rounds([0, 1])
    told = Feedback(3, 20.0, "", "issue", "i", True)
    for partition in (0, 1):
        rounds.take(partition, [told], [])
    heartbeat = rounds.next()
    assert heartbeat is not None
    assert heartbeat.record == told


def test_a_new_partition_is_waited_for_from_the_change_on() -> None:
    rounds = Rounds([0])
    rounds.take(0, [tick(2)], [])
    change = ConfigChange(3, 20.0, {})
    rounds.take(0, [change], [])
    rounds.take(7, [change], [])
    assert [beat.seq for beat in over(rounds)] == [2, 3]
    rounds.wait_for([0, 7])
    rounds.take(0, [tick(4)], [])
    assert rounds.next() is None
    rounds.take(7, [tick(4)], [])
    assert [beat.seq for beat in over(rounds)] == [4]


def test_a_new_partition_may_be_ahead_of_the_change() -> None:
    rounds = Rounds([0])
    change = ConfigChange(3, 20.0, {})
    rounds.take(7, [change, tick(4)], [digest(4)])
    assert rounds.next() is None
    rounds.take(0, [tick(2), change, tick(4)], [digest(1)])
    beats = []
    while (beat := rounds.next()) is not None:
        beats.append((beat.seq, beat.digests))
        rounds.wait_for([0, 7])
    assert beats == [(2, (digest(1),)), (3, ()), (4, (digest(4),))]


@given(st.data())
def test_any_interleaving_gives_the_same_rounds(data: st.DataObject) -> None:
    """Three partitions answer ticks 4, 8 and 12 in parts of their own choice, one of them with repeats."""
    ticks = [tick(4), tick(8), tick(12)]
    told = {p: [digest(seq, f"s{p}") for seq in range(1 + p, 12, 4)] for p in range(3)}
    queues: list[list[tuple[int, Sequence[Tick], list[HandlerDigest]]]] = []
    for p in range(3):
        cuts = sorted(data.draw(st.sets(st.integers(1, 2))))
        answers = []
        for start, end in zip([0, *cuts], [*cuts, 3], strict=True):
            low = ticks[start - 1].seq if start else 0
            answers.append((p, ticks[start:end], [d for d in told[p] if low < d.seq <= ticks[end - 1].seq]))
        if p == 1:
            answers = [answer for answer in answers for _ in range(2)]
        queues.append(answers)
    rounds, beats = Rounds(range(3)), []
    while any(queues):
        queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
        rounds.take(*queue.pop(0))
        if data.draw(st.booleans()):
            rounds = pickle.loads(pickle.dumps(rounds))
        beats += over(rounds)
    assert [(beat.seq, sorted(beat.digests)) for beat in beats] == [
        (seq, sorted(d for p in told for d in told[p] if seq - 4 <= d.seq - 1 < seq)) for seq in (4, 8, 12)
    ]
