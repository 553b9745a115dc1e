"""Who asks: from a bearer token to a name and what its holder may do."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tailsampler.settings.auth import Auth
from tailsampler.settings.tokens import digest

# Longer than any token that a person would write; no header is hashed without a bound.
_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody who may ask."""

    name: str
    """For the audit log: the token's name, or how they came in without one."""
    may_operate: bool
    may_read: bool = True
    may_share: bool = True
    """Tell verdicts as another gateway of the tier does."""


NOBODY_IN_PARTICULAR: Final = Operator("anybody", may_operate=True)
"""Whoever reaches a listener that asks for no token: loopback, or a client certificate, decided."""


@dataclass(frozen=True, slots=True)
class _Known:
    digest: bytes
    operator: Operator


class Access:
    """The tokens, as digests."""

    def __init__(self, auth: Auth) -> None:
        self._known: Sequence[_Known] = [
            _Known(
                digest(one.token.get_secret_value()),
                Operator(
                    one.name,
                    may_operate=one.role == "operate",
                    may_read=one.role != "peer",
                    may_share=one.role != "read",
                ),
            )
            for one in auth.tokens
        ]

    @property
    def needs_tokens(self) -> bool:
        """Whether nobody is answered without one."""
        return bool(self._known)

    def who(self, authorization: str | None) -> Operator | None:
        """Whose token this ``authorization`` header holds; None: nobody's.

        Without any token in the settings everybody is somebody. Every token is compared, and
        digests are compared in constant time: neither how many there are nor which one came close
        can be measured.
        """
        if not self._known:
            return NOBODY_IN_PARTICULAR
        shown = digest(_token(authorization or ""))
        found = None
        for known in self._known:
            if hmac.compare_digest(known.digest, shown):
                found = known.operator
        return found


OPEN: Final = Access(Auth())
"""Everybody may do everything."""


def _token(authorization: str) -> str:
    """The token of ``Bearer <token>``, or the password of ``Basic``, which browsers can ask for."""
    scheme, _, rest = authorization[:_LONGEST].partition(" ")
    rest = rest.strip()
    if scheme.lower() == "bearer":
        return rest
    if scheme.lower() == "basic":
        try:
            user_and_password = base64.b64decode(rest, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return ""
        return user_and_password.partition(":")[2]
    return ""
