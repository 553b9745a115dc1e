"""The policy chain and how long traces are held for it, in the native dialect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field
from pydantic_core import InitErrorDetails

from tailsampler.decide.chain import chain_problems, listed
from tailsampler.decide.policy import Policy
from tailsampler.settings.base import Section, found
from tailsampler.settings.units import Duration, Size, duration_text, lasting, sized
from tailsampler.settings.values import Flag, one_of

STANDARD_CHAIN = (
    Policy(name="errors", error_status_codes=(500, 502, 503, 504), sample_rate=1.0),
    Policy(name="slow", duration_threshold_ms=1000, sample_rate=0.1),
    Policy(name="api-gateway", service_name=("api-gateway",), sample_rate=0.01),
    Policy(name="default", sample_rate=0.001),
)


class Sampling(Section):
    """Which traces are kept. The first policy that matches a trace decides alone."""

    HINTS: ClassVar = {
        "num_traces": "the buffer is bounded in bytes; write buffer: {max_bytes: 8GiB}",
        "decision_cache": "write late: {max_traces: 1000000} at the top of the file",
        "expected_new_traces_per_sec": "nothing is sized in advance; remove it",
        "rules": "write policies",
    }

    decision_wait: Annotated[Duration, lasting("1ms", "1h")] = Field(
        default=timedelta(seconds=10),
        description="How long a trace is held after its first span. Default: 10s.",
    )
    decision_wait_after_root_received: Annotated[Duration, lasting("1ms", "1h")] | None = Field(
        default=None,
        description="How long a trace is held after its root span came, if that is earlier. "
        "Default: null, the root changes nothing.",
    )
    annotate: Flag = Field(
        default=True,
        description="Write tailsampler.policy and tailsampler.reason on the root spans of kept "
        "traces. Default: true.",
    )
    trace_ids: Annotated[Literal["random", "hashed"], one_of("random", "hashed")] = Field(
        default="random",
        description="random: the ids' last 7 bytes are random, as W3C Trace Context level 2 "
        "asks. hashed: they are not, so their hash serves as randomness, and is written as "
        "ot=rv. Default: random.",
    )
    max_trace_bytes: Annotated[Size, sized("64KiB", "1GiB")] | None = Field(
        default=32 << 20,
        description="What a trace may have, in bytes of its spans as received; null: anything. "
        "Kept traces are put together in memory. Default: 32MiB.",
    )
    large_traces: Annotated[Literal["truncate", "drop"], one_of("truncate", "drop")] = Field(
        default="truncate",
        description="What becomes of traces beyond that. truncate: of those that are kept go the "
        "root, then errors, then what came first, each span marked tailsampler.truncated, and "
        "without ot=th, since it is no fair sample. drop: they are dropped at once, whatever the "
        "policies say. What goes is counted as trace_too_large. Default: truncate.",
    )
    policies: tuple[Policy, ...] = Field(
        default=STANDARD_CHAIN,
        description="The chain, first match wins. Default: the standard chain.",
        examples=["[{name: default, sample_rate: 0.001}]"],
    )

    @classmethod
    def problems_among(cls, data: dict[str, Any]) -> Iterator[InitErrorDetails]:
        """Policies that clash are named even while others cannot be read."""
        raw = data.get("policies")
        if isinstance(raw, list | tuple):
            yield from chain_problems([listed(("policies", at), one) for at, one in enumerate(raw)])
        if "policies" in data and (raw is None or raw in ([], ())):
            say = "there is no policy, so every trace would be dropped; "
            say += "write policies: [{name: default, sample_rate: 0.001}]"
            yield found("no_policy", say, ("policies",))

    def contradictions(self) -> Iterator[InitErrorDetails]:
        """A wait after the root that is never the earlier one."""
        after = self.decision_wait_after_root_received
        waits = [self.decision_wait, *(p.decision_wait for p in self.policies if p.decision_wait)]
        if after is not None and after > max(waits):
            say = (
                f"this is over decision_wait ({duration_text(max(waits))}), so it never comes "
                "first; lower it, or leave it out"
            )
            yield found("wait_never_used", say, ("decision_wait_after_root_received",))
