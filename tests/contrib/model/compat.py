"""What changed between contrib's releases, as far as it changes what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

NEWEST = "newest"


@dataclass(frozen=True, kw_only=True)
class Compat:
    """One release's behaviour; the defaults are the newest's."""

    inverted_decisions: bool = False  # invert_match votes are vetoes (#44132)
    counter_per_second: bool = False  # rate_limiting without a token bucket (#48226)
    latency_inclusive: bool = False  # threshold_ms itself is slow enough (#49595)
    unlisted_gets_nothing: bool = False  # a composite sub without rate_allocation (#49857)
    tracestate_gate: bool = True  # usetracestate exists
    shards: bool = True  # num_shards exists (#48699)
    consistent_limits: bool = True  # limits sort a tick by randomness under the gate (#49979)
    late_threshold: bool = True  # late spans get the trace's th
    shared_limits: bool = True  # all shards draw from one limiter
    zero_is_a_bound: bool = False  # numeric_attribute of "some older releases"; in none of these


_162 = Compat()
_160 = replace(_162, late_threshold=False, shared_limits=False)
_159 = replace(_160, consistent_limits=False)
_158 = replace(_159, shards=False)
_157 = _158
_156 = replace(_157, tracestate_gate=False, latency_inclusive=True, unlisted_gets_nothing=True)
_155 = _156
_152 = replace(_155, counter_per_second=True)
_143 = replace(_152, inverted_decisions=True)

COMPAT: Mapping[str, Compat] = {
    "0.143": _143,
    "0.144": _152,
    "0.152": _152,
    "0.153": _155,
    "0.155": _155,
    "0.156": _156,
    "0.157": _157,
    "0.158": _158,
    "0.159": _159,
    "0.160": _160,
    "0.161": _160,
    "0.162": _162,
    NEWEST: _162,
}
