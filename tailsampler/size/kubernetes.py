"""The answer as values of the chart, to be pasted."""

from __future__ import annotations

import math
from typing import Final

from tailsampler.settings.root import Settings
from tailsampler.size.answer import Answer
from tailsampler.size.configured import bounds

_MIB: Final = 1 << 20
_GIB: Final = 1 << 30
_MILLI_STEP: Final = 50
_MEMORY_STEP: Final = 64
"""MiB"""


def cpu(of: Answer) -> str:
    """The request, in thousandths of a core."""
    return f"{max(1, math.ceil(of.cores_needed * 1000 / _MILLI_STEP)) * _MILLI_STEP}m"


def memory(of: Answer) -> str:
    """Request and limit: they are one, so that no neighbour takes it."""
    return f"{math.ceil(of.memory_limit / _MIB / _MEMORY_STEP) * _MEMORY_STEP}Mi"


def volume(of: Answer) -> str:
    """The size of the volume claim."""
    return f"{math.ceil(of.volume / _GIB)}Gi"


def to_write(of: Answer) -> dict[str, str]:
    """Settings whose defaults are too small for the load, whatever the volume's size."""
    return {one.key: one.to_write for one in bounds(Settings(), of) if one.is_too_small}


def values(of: Answer) -> str:
    """YAML for ``helm install --values``; ``resources`` fits any container."""
    lines = [
        f"replicas: {of.demand.gateways}",
        "resources:",
        f"  requests: {{cpu: {cpu(of)}, memory: {memory(of)}}}",
        f"  limits: {{memory: {memory(of)}}}   # none on cpu: a throttled gateway refuses spans",
        f"volume: {{size: {volume(of)}}}",
    ]
    sections: dict[str, list[str]] = {}
    for key, value in to_write(of).items():
        section, _, name = key.partition(".")
        sections.setdefault(section, []).append(f"{name}: {value}")
    if sections:
        lines.append("config:")
        lines += [f"  {section}: {{{', '.join(one)}}}" for section, one in sections.items()]
    return "\n".join(lines) + "\n"
