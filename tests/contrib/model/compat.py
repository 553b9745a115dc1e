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
    latency_wraps: bool = True  # a duration beyond 64 bits, instead of the longest there is
    nil_ints: bool = False  # Int() of unreadable text is nil, no error
    unlisted_gets_nothing: bool = False  # a composite sub without rate_allocation (#49857)
    tracestate_gate: bool = True  # usetracestate exists
    shards: bool = True  # num_shards exists (#48699)
    consistent_limits: bool = True  # limits sort a tick by randomness under the gate (#49979)
    late_threshold: bool = True  # late spans get the trace's th
    shared_limits: bool = True  # all shards draw from one limiter
    credit_loosest: bool = True  # of those that sample, instead of the first
    ingest_forgets: bool = True  # what span-ingest did not sample leaves the map (#48874)
    ingest_defers: bool = True  # span-ingest samples nothing while a drop may still drop
    schema_url: bool = False  # it stays on what is kept, and counts in its size
    zero_is_a_bound: bool = False  # numeric_attribute of "some older releases"; in none of these


_MAIN = Compat()
_165 = replace(_MAIN, shared_limits=False, schema_url=True, latency_wraps=True)
_162 = replace(_165, schema_url=False)
_160 = replace(_162, late_threshold=False, credit_loosest=False, latency_wraps=False)
_159 = replace(_160, consistent_limits=False, nil_ints=True)
_158 = replace(_159, shards=False, unlisted_gets_nothing=True)
_157 = _158
_156 = replace(_157, tracestate_gate=False, latency_inclusive=True)
_155 = _156
_154 = replace(_155, ingest_forgets=False)
_152 = replace(_154, counter_per_second=True)
_151 = replace(_152, ingest_defers=False)
_143 = replace(_151, inverted_decisions=True)

COMPAT: Mapping[str, Compat] = {
    "0.143": _143,
    "0.144": _151,
    "0.151": _151,
    "0.152": _152,
    "0.153": _154,
    "0.154": _155,
    "0.155": _155,
    "0.156": _156,
    "0.157": _157,
    "0.158": _158,
    "0.159": _159,
    "0.160": _160,
    "0.161": _160,
    "0.162": _162,
    "0.164": _162,
    "0.165": _165,
    NEWEST: _MAIN,
}
