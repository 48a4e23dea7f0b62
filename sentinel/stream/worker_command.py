"""`sentinel worker`: the Faust worker, as `faust -A sentinel.app worker` starts it."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import faust

from sentinel.stream import environment


def run_worker(config: Path | None, loglevel: str) -> None:
    """Run until stopped; ends the process."""
    if config is not None:
        os.environ[environment.CONFIG] = str(config)
    from sentinel.app import app

    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    faust.Worker(app, loglevel=loglevel.upper(), redirect_stdouts=False).execute_from_commandline()
