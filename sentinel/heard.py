"""What has not been heard of for so long, found without looking at all there is."""

from collections.abc import Callable, Iterator

DAY = 86400.0


def silent(
    heard: dict[int, list[str]], through: int, before: float, last: Callable[[str], float | None]
) -> Iterator[str]:
    """Give those last heard of at or before a time, and let go of them.

    Parameters
    ----------
    heard
        Ids by the day (number of days since 1970, UTC) of an event of theirs that is not after their last one; those
        found to have been heard of later are moved to that day.
    through
        The last day looked at.
    last
        When something was last heard of an id, POSIX seconds; None if it is not known any more.
    """
    for day in sorted(day for day in heard if day <= through):
        for identity in heard.pop(day):
            at = last(identity)
            if at is None:
                continue
            if at <= before:
                yield identity
            else:
                heard.setdefault(int(at // DAY), []).append(identity)
