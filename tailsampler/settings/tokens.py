"""Bearer tokens: how they may look, and the digests by which they are known."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Final

from pydantic import PlainSerializer, PlainValidator, SecretStr

from tailsampler.settings.base import BadValueError
from tailsampler.settings.values import parse_secret

# What RFC 6750 lets stand after "Bearer ".
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_LEAST: Final = 16  # characters; with fewer, guessing it over the network is no joke


def parse_token(value: object) -> SecretStr:
    """A bearer token that no one guesses; what is wrong with it is said without it."""
    secret = parse_secret(value)
    text = secret.get_secret_value()
    if not _TOKEN.fullmatch(text):
        say = (
            "this token holds characters that no bearer token may have, or is empty; write "
            "letters, digits and . _ ~ + / - only, e.g. what `openssl rand -hex 32` prints"
        )
        raise BadValueError("bad_token", say)
    if len(text) < _LEAST:
        say = f"this token has under {_LEAST} characters and could be guessed; write a longer one, "
        raise BadValueError("short_token", say + "e.g. what `openssl rand -hex 32` prints")
    return secret


def digest(token: str) -> bytes:
    """SHA-256 of a token.

    Only digests are kept and compared, so that the time this takes says nothing about a token.
    """
    return hashlib.sha256(token.encode()).digest()


Token = Annotated[
    SecretStr,
    PlainValidator(parse_token),
    PlainSerializer(lambda _: "(secret)", return_type=str),
]
