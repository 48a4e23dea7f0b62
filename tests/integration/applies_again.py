"""The control of the chaos tests: a worker that applies what it has applied already. It must be found out."""

from sentinel.partition import Partition
from sentinel.records import Outputs, Routed
from sentinel.stream.street import StreetUnit
from sentinel.stream.worker_command import run_worker

_take = Partition.take


def _take_again(self: Partition, record: Routed) -> Outputs:
    self.applied = min(self.applied, record.seq - 1)
    return _take(self, record)


if __name__ == "__main__":
    StreetUnit.fresh = lambda *_: True  # type: ignore[method-assign]
    Partition.take = _take_again  # type: ignore[method-assign]
    run_worker(None, "info")
