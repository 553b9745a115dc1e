"""Options of contrib that have another meaning here, or none; each is said once."""

from __future__ import annotations

from typing import Final

from tailsampler.decide.dialects.contrib import blocks
from tailsampler.decide.dialects.contrib.block import TailSampling, walk

_SAID: Final = {
    "num_traces": "open traces are bounded by bytes on disk and not by their number, and none is "
    "forgotten for a newer one; buffer.max_bytes is the bound",
    "expected_new_traces_per_sec": "nothing is allocated in advance",
    "decision_cache": "verdicts are remembered on their own, for kept and dropped traces alike; "
    "late.max_traces and late.max_age are the bounds",
    "sample_on_first_match": "it saves contrib work and never changes what is kept; which policy "
    "is credited is the first that says yes, with it and without",
    "drop_pending_traces_on_shutdown": "held traces stand on disk and are judged after the "
    "restart, so that none is judged early or thrown away",
    "block_on_overflow": "a full buffer judges its oldest traces early, and a door that cannot "
    "take more refuses, so that senders try again",
    "num_shards": "limits and memory are shared by all threads, as with one shard of contrib",
    "cache_max_size": "expressions need no cache of results here",
}


def explanations(config: TailSampling) -> tuple[str, ...]:
    """One sentence an option that is written in the block and works differently here."""
    written = set(config.model_fields_set)
    for _, chain in walk(config):
        block = chain[-1].settings
        if isinstance(block, blocks.StringAttribute):
            written |= block.model_fields_set & {"cache_max_size"}
    return tuple(f"{option}: {say}." for option, say in _SAID.items() if option in written)
