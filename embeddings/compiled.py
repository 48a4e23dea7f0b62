"""`njit` whose cache on disk is out of date as soon as any file of this package has changed.

Numba looks at the file of a function only. What was compiled together with a function or a constant of another file
would stay as it was when that one changes, and two checkouts of one commit would decide differently.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core.dispatcher import Dispatcher

Function = TypeVar("Function", bound=Callable[..., Any])

_FILES = tuple(
    (file.name, status.st_mtime_ns, status.st_size)
    for file in sorted(Path(__file__).parent.glob("*.py"))
    for status in (file.stat(),)
)


def njit(**options: Any) -> Callable[[Function], Function]:
    """Return `numba.njit(cache=True, **options)`, see the module."""

    def compiled(function: Function) -> Function:
        dispatcher: Any = numba.njit(cache=True, **options)(function)
        if isinstance(dispatcher, Dispatcher):  # not where compiling is switched off
            index = dispatcher._cache._cache_file  # type: ignore[attr-defined]  # no other way in
            index._source_stamp = (index._source_stamp, _FILES)
        return cast(Function, dispatcher)

    return compiled
