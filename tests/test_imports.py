"""Which package may import what, and that the core has no I/O, no clock and no unseeded randomness."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("sentinel", "detectors", "embeddings", "alerts")
LIBRARIES = ("detectors", "embeddings", "alerts")
SLOW = ("torch", "sentence_transformers", "transformers")
NETWORK = "embeddings/int8.py"  # sentence-transformers imports it as it loads `small`

#: They load what ships with the package; everything else in the three libraries is core.
LOADERS = {
    f"embeddings/{name}.py"
    for name in (
        "characters",
        "compiled",
        "encoder",
        "int8",
        "lexicon",
        "ngrams",
        "pairs",
        "scorer",
        "segment",
        "vectors",
    )
}
CORE_OF_SENTINEL = (
    "intake", "street", "city", "partition", "watch", "handling", "desks", "issues", "facts", "gist",
    "reading", "records", "rounds",
)  # fmt: skip

#: Modules that reach out of the process, read its surroundings, or differ from run to run.
OUTSIDE = frozenset({
    "aiohttp", "asyncio", "builtins", "ctypes", "faust", "fcntl", "getpass", "glob", "gzip", "http",
    "httpx", "importlib", "io", "locale", "logging", "mmap", "multiprocessing", "os", "pathlib", "pickle",
    "platform", "prometheus_client", "random", "redis", "requests", "resource", "secrets", "select",
    "shutil", "signal", "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time",
    "urllib", "uuid", "warnings",
})  # fmt: skip
CALLS = frozenset({"open", "print", "input", "hash", "id", "exec", "eval", "__import__"})
CLOCKS = frozenset({"now", "utcnow", "today"})


def sources(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    return [path for path in found if "train" not in path.relative_to(ROOT).parts]


def core() -> list[Path]:
    own = [ROOT / "sentinel" / f"{name}.py" for name in CORE_OF_SENTINEL]
    libraries = [path for package in LIBRARIES for path in sources(package)]
    return own + [path for path in libraries if str(path.relative_to(ROOT)) not in LOADERS]


def imported(tree: ast.AST) -> Iterator[str]:
    """The top-level packages that are imported, anywhere in the tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else (node.module or "").partition(".")[0]


def modules(tree: ast.AST) -> Iterator[str]:
    """The modules that are imported, anywhere in the tree, by their full names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def impurities(tree: ast.AST) -> Iterator[str]:
    """What a file of the core must not do."""
    yield from (f"imports {name}" for name in imported(tree) if name in OUTSIDE)
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield f"line {node.lineno}: global {', '.join(node.names)}"
        if isinstance(node, ast.Attribute) and node.attr == "random":
            yield f"line {node.lineno}: .random"
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield f"line {node.lineno}: {node.func.id}()"
        if isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS:
            yield f"line {node.lineno}: .{node.func.attr}()"


def at_import(tree: ast.Module) -> Iterator[str]:
    """The packages imported when the module itself is."""
    pending: list[ast.AST] = [*tree.body]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imported(node)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending += ast.iter_child_nodes(node)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("package", LIBRARIES)
def test_a_library_imports_neither_sentinel_nor_another_library(package: str) -> None:
    others = set(PACKAGES) - {package}
    wrong = {name_of(path): found for path in sources(package) if (found := others & {*imported(parsed(path))})}
    assert sources(package)
    assert wrong == {}


@pytest.mark.parametrize("path", core(), ids=name_of)
def test_the_core_does_no_io_and_reads_no_clock(path: Path) -> None:
    assert list(impurities(parsed(path))) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_torch_is_imported_only_where_a_text_is_embedded(package: str) -> None:
    found = [name_of(p) for p in sources(package) if not {*at_import(parsed(p))}.isdisjoint(SLOW)]
    assert found == ([NETWORK] if package == "embeddings" else [])


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_of_ours_imports_the_network(package: str) -> None:
    module = NETWORK.removesuffix(".py").replace("/", ".")
    importing = [name_of(p) for p in sources(package) if module in {*modules(parsed(p))}]
    assert importing == []


@pytest.mark.parametrize(
    "planted",
    [
        "import time",
        "def f():\n    from os import environ",
        "import urllib.request",
        "open('x')",
        "from datetime import datetime\ndatetime.now(tz)",
        "import numpy as np\nnp.random.default_rng()",
        "key = hash('street')",
        "def f():\n    global cache\n    cache = 1",
    ],
)
def test_a_planted_violation_is_found(planted: str) -> None:
    assert len(list(impurities(ast.parse(planted)))) == 1


def test_an_import_is_found_at_the_top_and_not_in_a_function() -> None:
    assert list(at_import(ast.parse("if True:\n    import torch"))) == ["torch"]
    assert list(at_import(ast.parse("class A:\n    from torch import nn"))) == ["torch"]
    assert list(at_import(ast.parse("def f():\n    import torch"))) == []


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["replay", "--help"], ["check-config"], ["replay", "--nope"], ["replay", "nothing.csv", "--out", "x"]],
    ids=" ".join,
)
def test_help_and_errors_import_nothing_slow(arguments: list[str], tmp_path: Path) -> None:
    program = (
        "import sys\nfrom sentinel.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print(sorted(sys.modules.keys() & {{'numba', 'river', 'sklearn', *{SLOW!r}}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stdout
