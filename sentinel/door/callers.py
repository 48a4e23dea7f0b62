"""Keyed hashes of callers: enough to count distinct people, useless to find out who they are.

The key decides what can be undone. With a secret key nobody can test a list of phone numbers against hashes.
`PUBLIC_KEY` stands in where none is configured: the same everywhere, so that the same input gives the same
result on every machine. It is good for tests and simulated data, and no protection against someone who tries
every number.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

from sentinel.errors import SentinelError

KEY_FILE_VARIABLE: Final = "SENTINEL_CALLER_KEY_FILE"
KEY_BYTES_MIN: Final = 16
PUBLIC_KEY: Final = b"sentinel: public key, no secret"

_COUNTRY_CODE = re.compile(r"^(?:\+|00)?86(?=1[3-9]\d{9}$|0?[1-9]\d{8,10}$)")
_PHONE_PUNCTUATION = str.maketrans("", "", " -()+.·－—–")
_NOBODY: Final = frozenset({
    "", "0", "匿名", "匿名用户", "匿名市民", "保密", "不详", "未知", "无", "隐去", "不愿透露", "未提供", "空",
    "none", "null", "nan", "anonymous", "unknown", "n/a", "na", "/", "*",
})  # fmt: skip
_MASKED_OR_FILLER = re.compile(r"[\W_]*|(\w)\1*|\d{0,4}[*×xX]{3,}\d{0,4}")


class CallerKeyError(SentinelError, ValueError):
    """The configured caller key cannot be used; the message says why and what to do."""


class CallerHasher:
    """Replaces a caller by 16 hexadecimal digits (64 bits of keyed BLAKE2b). Picklable with its key."""

    def __init__(self, key: bytes) -> None:
        """Take a key of 16 to 64 bytes; raises `ValueError` for another length."""
        if not KEY_BYTES_MIN <= len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
            raise ValueError(f"a caller key has {KEY_BYTES_MIN} to 64 bytes, this one has {len(key)}")
        self._key = key

    def hash(self, caller: str) -> str:
        """The caller's hash; "" for one that names nobody (empty, 匿名, 保密, 0, 138****1234).

        Spellings of one phone number (spaces, hyphens, +86, full-width digits) have one hash.
        """
        normal = normalise(caller)
        return hashlib.blake2b(normal.encode(), digest_size=8, key=self._key).hexdigest() if normal else ""


def normalise(caller: str) -> str:
    """One spelling of a phone number or account; "" where it names nobody.

    A number with its middle hidden (138****1234) names nobody: many people share what is left of it.
    """
    if not caller:
        return ""
    if caller.isascii() and caller.isdecimal():  # as most are: nothing else of what follows applies to them
        return _COUNTRY_CODE.sub("", caller) if caller.strip(caller[0]) else ""
    if not (caller.isascii() and caller.isalnum()):
        caller = unicodedata.normalize("NFKC", caller).strip()
    caller = caller.casefold()
    if caller in _NOBODY or _MASKED_OR_FILLER.fullmatch(caller):
        return ""
    compact = caller.translate(_PHONE_PUNCTUATION)
    if not compact.isdecimal():
        return caller
    return _COUNTRY_CODE.sub("", compact)


def load_key(environment: Mapping[str, str] = os.environ) -> bytes | None:
    """The key in the file that `SENTINEL_CALLER_KEY_FILE` names; None where the variable is not set.

    Raises `CallerKeyError` where the file cannot be read or holds no usable key.
    """
    name = environment.get(KEY_FILE_VARIABLE, "")
    if not name:
        return None
    advice = f"put {KEY_BYTES_MIN} to 64 random bytes or characters there, e.g. head -c 32 /dev/urandom > {name}"
    try:
        with Path(name).open("rb") as file:
            key = file.read(hashlib.blake2b.MAX_KEY_SIZE + 2)
    except OSError as error:
        raise CallerKeyError(f"{KEY_FILE_VARIABLE}: cannot read {name} ({error.strerror}); {advice}") from None
    key = key.removesuffix(b"\n").removesuffix(b"\r")
    if not KEY_BYTES_MIN <= len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
        raise CallerKeyError(f"{KEY_FILE_VARIABLE}: the key in {name} has the wrong length; {advice}")
    return key


def key_origin(environment: Mapping[str, str] = os.environ) -> Literal["public", "configured"]:
    """Whose key `load_key` leads to: `public` where none is configured."""
    return "configured" if environment.get(KEY_FILE_VARIABLE) else "public"
