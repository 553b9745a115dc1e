"""A policy without a criterion matches every trace: the default, at the end of the chain.

A chain may do without one; then a trace that nothing matches is dropped.
"""

from __future__ import annotations

WORDS = "every trace"
NO_DEFAULT = (
    "no policy matches every trace, so a trace that none of them matches is dropped; "
    "to keep a share of those, end the chain with {name: default, sample_rate: 0.001}"
)
