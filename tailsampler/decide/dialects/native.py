"""The native dialect: ``sampling: {decision_wait: 10s, policies: [{name: ..., ...}]}``."""

from __future__ import annotations

from tailsampler.settings.sampling import Sampling


def read(value: object) -> Sampling:
    """``Sampling`` is this dialect; nothing is translated.

    Raises:
        pydantic.ValidationError: with every problem, located in this spelling.
    """
    return Sampling.model_validate(value)
