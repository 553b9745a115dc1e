"""Contrib's ``tail_sampling``: its block, and whole Collector configurations that hold one.

Layout, in the order of reading: ``values`` (single values as Go decodes them), ``blocks`` and
``nested`` (one model a policy type), ``policy``, ``block`` (the options), ``load``, ``collector``
with ``way``, ``doors``, ``backends`` and ``components`` (what stands around the sampler). Beside
them what is told to people: ``compat``, the ``..._traps``, ``explanations`` and ``sentences``.
"""

from __future__ import annotations

from tailsampler.decide.dialects.contrib.block import TailSampling, walk
from tailsampler.decide.dialects.contrib.chain_traps import warnings
from tailsampler.decide.dialects.contrib.collector import (
    Collector,
    is_collector,
    read_collector,
    samplers,
)
from tailsampler.decide.dialects.contrib.compat import (
    NEWEST,
    OLDEST,
    Behaviour,
    Compat,
    behaviour,
    differences,
    parse_compat,
)
from tailsampler.decide.dialects.contrib.components import Left, Severity
from tailsampler.decide.dialects.contrib.explanations import explanations
from tailsampler.decide.dialects.contrib.load import parse
from tailsampler.decide.dialects.contrib.nested import And, Composite, Drop, Not
from tailsampler.decide.dialects.contrib.policy import Policy
from tailsampler.decide.dialects.contrib.sentences import sentences
from tailsampler.decide.dialects.contrib.trap import Trap

__all__ = [
    "NEWEST",
    "OLDEST",
    "And",
    "Behaviour",
    "Collector",
    "Compat",
    "Composite",
    "Drop",
    "Left",
    "Not",
    "Policy",
    "Severity",
    "TailSampling",
    "Trap",
    "behaviour",
    "differences",
    "explanations",
    "is_collector",
    "parse",
    "parse_compat",
    "read_collector",
    "samplers",
    "sentences",
    "walk",
    "warnings",
]
