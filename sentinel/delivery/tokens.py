"""Tokens of the HTTP API: who may do what. Kept hashed; a token itself is shown once, when it is made."""

from __future__ import annotations

import hashlib
import json
import secrets
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sentinel.errors import SentinelError

Scope = Literal["read", "act", "decide", "silence"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
_BYTES: Final = 32


class TokensError(SentinelError):
    """The file of tokens cannot be used; the message says where and why."""


class Grant(BaseModel):
    """What a token allows: to act as one subscriber, within scopes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    subscriber: str = Field(pattern=r"^[a-z][a-z0-9-]{0,79}$")
    scopes: tuple[Scope, ...] = Field(min_length=1)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Tokens:
    """Grants by token."""

    def __init__(self, grants: dict[str, Grant]) -> None:
        self._grants = grants

    @classmethod
    def read(cls, path: Path) -> Tokens:
        """Read a file with one grant a line, as `made` writes them. Raises `TokensError`."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise TokensError(
                f"{path}: cannot be read ({error}); `sentinel token SUBSCRIBER` makes its lines"
            ) from None
        grants: dict[str, Grant] = {}
        for number, line in enumerate(lines, 1):
            if not line.strip() or line.startswith("#"):
                continue
            try:
                grant = Grant.model_validate_json(line)
            except ValidationError as error:
                problem = error.errors(include_url=False, include_input=False)[0]
                where = ".".join(map(str, problem["loc"])) or "the line"
                raise TokensError(f"{path}:{number}: {where}: {problem['msg']}") from None
            grants[grant.sha256] = grant
        return cls(grants)

    def grant(self, token: str) -> Grant | None:
        """What a token allows, None if it is not known. Looked up by its hash, so timing tells nothing of others."""
        return self._grants.get(hashed(token))


def hashed(token: str) -> str:
    """A token's hash. It holds 256 bits of chance, so nothing slower is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def made(subscriber: str, scopes: tuple[Scope, ...]) -> tuple[str, str]:
    """Return a new token, and the line for the file."""
    token = secrets.token_urlsafe(_BYTES)
    grant = Grant(subscriber=subscriber, scopes=scopes, sha256=hashed(token))
    return token, json.dumps(grant.model_dump(), ensure_ascii=False)
