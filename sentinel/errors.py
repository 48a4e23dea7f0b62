"""The errors a person can put right: the command line shows their message and no traceback."""

from typing import ClassVar


class SentinelError(Exception):
    """Something outside the program is wrong; the message says what, where, and what to do."""

    exit_code: ClassVar[int] = 2
    """2: what was asked for cannot be done as it was asked; 1: it broke off on the way"""
