"""The spellings of a chain; each is translated to the same ``Sampling``."""

from __future__ import annotations

from tailsampler.decide.dialects import native, policy_list
from tailsampler.settings.sampling import Sampling


def read_sampling(value: object) -> Sampling:
    """What stands under ``sampling:``: a mapping is the native dialect, a list the policy list."""
    return policy_list.read(value) if isinstance(value, list | tuple) else native.read(value)
