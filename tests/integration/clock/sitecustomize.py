"""A machine clock that can be set: `time.time` plus what a file says. Python loads this by itself, by its name."""

import os
import time

_true_time = time.time
_file = os.environ.get("SENTINEL_TEST_CLOCK", "")


def _set_time() -> float:
    try:
        with open(_file, encoding="ascii") as file:
            return _true_time() + float(file.read() or 0)
    except OSError:
        return _true_time()


if _file:
    time.time = _set_time
    time.time_ns = lambda: int(_set_time() * 1e9)
