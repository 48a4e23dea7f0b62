"""When an alert speaks again, and when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from alerts.model import Kind


@dataclass(frozen=True, slots=True)
class LifecycleRules:
    """When an alert speaks again and when it ends.

    Parameters
    ----------
    grow_steps
        Distinct callers at which an open alert speaks again, ascending; past the last, each doubling of it.
    urgent_grow_steps
        The same for ``urgent``, where a second caller already matters.
    resolve_after
        Seconds without a new ticket after which an alert ends, by kind.
    recur_within
        Seconds after its end in which an alert that comes back is the same one.
    """

    grow_steps: tuple[int, ...]
    urgent_grow_steps: tuple[int, ...]
    resolve_after: Mapping[Kind, float]
    recur_within: float

    def step(self, kind: Kind, callers: int) -> int:
        """Return the highest step that ``callers`` have reached, 0 if none.

        >>> rules = LifecycleRules((10, 20), (2,), {}, 0.0)
        >>> [rules.step("mass", callers) for callers in (9, 10, 39, 40, 165)]
        [0, 10, 20, 40, 160]
        """
        steps = self.urgent_grow_steps if kind == "urgent" else self.grow_steps
        reached = max((step for step in steps if step <= callers), default=0)
        if steps and reached == steps[-1]:
            while reached * 2 <= callers:
                reached *= 2
        return reached
