"""The street stage as a replay runs it: all partitions in this process, or spread over several."""

import multiprocessing
import queue
import threading
from collections.abc import Iterator, Sequence
from math import inf
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Protocol

from embeddings.vectors import VectorStore
from sentinel.errors import SentinelError
from sentinel.garbage import seldom_collected
from sentinel.partition import Partition
from sentinel.records import (
    ConfigChange,
    Digest,
    Feedback,
    ForAll,
    Heartbeat,
    Outputs,
    Routed,
    RoutedTicket,
    of_one_street,
)
from sentinel.settings import Settings
from sentinel.shared import Shared

_BATCH = 256
_ROUNDS_AHEAD = 64  # ticks the parent may be ahead of the slowest child


class Partitions(Protocol):
    """Takes routed records; answers in rounds, one for each tick that all partitions have answered."""

    @property
    def sources(self) -> int:
        """How many heartbeats make a round, numbered from 0."""

    def ticket(self, partition: int, record: RoutedTicket | Feedback) -> None:
        """Send what is about one street to its partition."""

    def tick(self, record: ForAll) -> None:
        """Send what concerns all to all partitions."""

    def ready(self) -> Sequence[list[Outputs]]:
        """Return the rounds that are complete."""

    def finish(self) -> Iterator[list[Outputs]]:
        """Give all rounds that are left, and the summaries of all live issues, a partition's or a few at a time."""

    def close(self) -> None:
        """Let go of everything."""


class InlinePartitions:
    """Partitions in this process; they answer a tick together, as number `number`."""

    def __init__(self, shared: Shared, numbers: list[int], number: int = 0) -> None:
        self.partitions = {n: Partition(n, shared) for n in numbers}
        self._shared = shared
        self._number = number
        self._due = inf
        """before this clock no partition has anything to do at a tick"""
        self._round: list[Outputs] = []
        self._rounds: list[list[Outputs]] = []

    @property
    def sources(self) -> int:
        """This process answers as one."""
        return 1

    def ticket(self, partition: int, record: RoutedTicket | Feedback) -> None:
        """Apply a ticket, or feedback."""
        state = self.partitions[partition]
        outputs = state.take(record)
        self._due = min(self._due, state.due)
        if outputs.alerts or outputs.assigned:
            self._round.append(outputs)

    def tick(self, record: ForAll) -> None:
        """Apply a tick to all partitions that have something to do, and close the round."""
        digests: list[Digest] = []
        change = record if isinstance(record, ConfigChange) else None
        if change is not None:
            self._shared = self._shared.changed(change.document)
        if change is not None or self._due <= record.clock:
            for partition in self.partitions.values():
                if change is not None:
                    outputs = partition.change(change, self._shared)
                elif partition.due <= record.clock:
                    outputs = partition.take(record)
                else:
                    continue
                if outputs.alerts or outputs.issues:
                    self._round.append(outputs)
                digests += outputs.digests
            self._due = min(partition.due for partition in self.partitions.values())
        told = record if isinstance(record, ConfigChange | Feedback) else None
        heartbeat = Heartbeat(record.seq, record.clock, self._number, tuple(digests), told)
        self._round.append(Outputs([], heartbeat=heartbeat))
        self._rounds.append(self._round)
        self._round = []

    def ready(self) -> Sequence[list[Outputs]]:
        """Return the rounds that are complete."""
        if not self._rounds:  # as after most events
            return ()
        rounds, self._rounds = self._rounds, []
        return rounds

    def finish(self) -> Iterator[list[Outputs]]:
        """Give what is left. Summaries are many: each partition's are made when they are asked for."""
        yield from self.ready()
        for partition in self.partitions.values():
            yield [partition.summaries()]

    def close(self) -> None:
        """Nothing to let go of."""

    def __getstate__(self) -> dict[str, object]:
        """State without what belongs to the package and the configuration."""
        state = self.__dict__.copy()
        del state["_shared"]
        return state

    def attach(self, shared: Shared) -> None:
        """Give restored partitions what their state leaves out."""
        self._shared = shared
        for partition in self.partitions.values():
            partition.attach(shared)


def _child(connection: Connection, numbers: list[int], number: int) -> None:
    """Run some partitions in a process of their own: settings, then batches of records in; rounds out."""
    try:
        settings, vectors = connection.recv()
        shared = Shared.load(settings, VectorStore(vectors) if vectors is not None else None)
        partitions = InlinePartitions(shared, numbers, number)
        with seldom_collected():
            while (batch := connection.recv()) is not None:
                for partition, record in batch:
                    if of_one_street(record):
                        partitions.ticket(partition, record)
                    else:
                        partitions.tick(record)
                for outputs in partitions.ready():
                    connection.send(outputs)
            for outputs in partitions.finish():
                connection.send(outputs)
        shared.close()
        connection.send(None)
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        pass  # the parent has ended
    finally:
        connection.close()


class WorkerError(SentinelError):
    """A process of the street stage ended before its work was done."""

    exit_code = 1

    def __init__(self) -> None:
        """Say what to do."""
        super().__init__("a worker process ended early (killed, or out of memory?); try fewer --workers, or none")


class ProcessPartitions:
    """Partitions spread over processes; the parent keeps intake, the city and the files."""

    def __init__(self, settings: Settings, numbers: list[int], workers: int, store: VectorStore | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        shares = [share for i in range(workers) if (share := numbers[i::workers])]
        self._worker_of = {number: i for i, share in enumerate(shares) for number in share}
        self._connections: list[Connection] = []
        self._queues: list[queue.SimpleQueue[list[Outputs] | BaseException | None]] = []
        self._batches: list[list[tuple[int, Routed]]] = [[] for _ in shares]
        self._processes: list[SpawnProcess] = []
        self._listeners: list[threading.Thread] = []
        self._sent = 0
        self._returned = 0
        for source, share in enumerate(shares):
            here, there = context.Pipe()
            process = context.Process(target=_child, args=(there, share, source), daemon=True)
            process.start()
            there.close()
            self._connections.append(here)
            self._processes.append(process)
            answers: queue.SimpleQueue[list[Outputs] | BaseException | None] = queue.SimpleQueue()
            # a child never waits for us to read, or both sides could wait for each other
            listener = threading.Thread(target=_listen, args=(here, answers), daemon=True)
            listener.start()
            self._queues.append(answers)
            self._listeners.append(listener)
        # not as an argument: multiprocessing hangs if a child dies before it has read a large one
        try:
            for worker in range(len(shares)):
                self._write(worker, (settings, store.directory if store is not None else None))
        except WorkerError:
            self.close()
            raise

    @property
    def sources(self) -> int:
        """Each process answers as one."""
        return len(self._processes)

    def ticket(self, partition: int, record: RoutedTicket | Feedback) -> None:
        """Send a ticket, or feedback, to the process that has its partition."""
        worker = self._worker_of[partition]
        batch = self._batches[worker]
        batch.append((partition, record))
        if len(batch) >= _BATCH:
            self._send(worker)

    def tick(self, record: ForAll) -> None:
        """Send a tick to all processes."""
        for worker in range(len(self._batches)):
            self._batches[worker].append((0, record))
            if len(self._batches[worker]) >= _BATCH:
                self._send(worker)
        self._sent += 1

    def ready(self) -> Sequence[list[Outputs]]:
        """Return the rounds that are complete; wait where the children are far behind."""
        rounds = []
        while self._sent - self._returned > _ROUNDS_AHEAD or (
            self._returned < self._sent and all(not answers.empty() for answers in self._queues)
        ):
            if self._sent - self._returned > _ROUNDS_AHEAD:
                self._send_all()
            rounds.append(self._round())
        return rounds

    def finish(self) -> Iterator[list[Outputs]]:
        """Send what is left and wait for all answers, the summaries of one process after the other."""
        self._send_all()
        for worker in range(len(self._connections)):
            self._write(worker, None)
        for _ in range(self._sent - self._returned):
            yield self._round()
        for answers in self._queues:
            while outputs := _answer(answers):
                yield outputs

    def close(self) -> None:
        """End the children, whether or not they are done."""
        for process in self._processes:
            process.terminate()
            process.join()
        for listener in self._listeners:
            listener.join()
        for connection in self._connections:
            connection.close()

    def _round(self) -> list[Outputs]:
        self._returned += 1
        return [outputs for answers in self._queues for outputs in _answer(answers)]

    def _send(self, worker: int) -> None:
        if self._batches[worker]:
            self._write(worker, self._batches[worker])
            self._batches[worker] = []

    def _write(self, worker: int, message: object) -> None:
        try:
            self._connections[worker].send(message)
        except OSError as error:
            raise WorkerError from error

    def _send_all(self) -> None:
        for worker in range(len(self._batches)):
            self._send(worker)


def _listen(connection: Connection, answers: "queue.SimpleQueue[list[Outputs] | BaseException | None]") -> None:
    try:
        while (outputs := connection.recv()) is not None:
            answers.put(outputs)
        answers.put(None)
    except (EOFError, OSError) as error:
        answers.put(error)


def _answer(answers: "queue.SimpleQueue[list[Outputs] | BaseException | None]") -> list[Outputs]:
    """The next answer of a process, empty when it has said all."""
    outputs = answers.get()
    if isinstance(outputs, BaseException):
        raise WorkerError from outputs
    return outputs or []
