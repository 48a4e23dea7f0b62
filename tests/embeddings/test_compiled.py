"""Compiled code on disk is as new as the files it was made of."""

import shutil
import subprocess
import sys
from pathlib import Path

from embeddings import compiled

ONE = "from pack.compiled import njit\n@njit()\ndef one():\n    return {}\n"
BOTH = "from pack.compiled import njit\nfrom pack.one import one\n@njit()\ndef both():\n    return one() + 1\n"
RUN = "from pack.both import both; print(both(), sum(both.stats.cache_hits.values()))"


def run(directory: Path) -> str:
    done = subprocess.run([sys.executable, "-c", RUN], cwd=directory, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_change_in_a_file_that_another_calls_is_seen(tmp_path: Path) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").touch()
    shutil.copy(str(compiled.__file__), package / "compiled.py")
    (package / "one.py").write_text(ONE.format(1), "utf-8")
    (package / "both.py").write_text(BOTH, "utf-8")
    assert run(tmp_path) == "2 0"
    assert run(tmp_path) == "2 1"
    (package / "one.py").write_text(ONE.format(5), "utf-8")
    assert run(tmp_path) == "6 0"
