"""``probabilistic`` to the last bit, from the reference's vectors."""

from __future__ import annotations

import pytest

from tests.contrib.build import TRACE, ballot, request, sampled, span, trace_of
from tests.contrib.model.ot import encoded
from tests.contrib.model.probabilistic import (
    HIGHEST,
    hash_threshold,
    sampling_threshold,
    trace_hash,
)
from tests.contrib.model.votes import ALWAYS, NEVER, Vote

THRESHOLDS = [
    (0.001, 184467440737095, "ffff583a53b8e5"),
    (0.1, 18446744073709551, "ffbe76c8b43958"),
    (1, 184467440737095519, "fd70a3d70a3d71"),
    (5, 922337203685477631, "f3333333333333"),
    (10, 1844674407370955263, "e6666666666666"),
    (25, 4611686018427387903, "c"),
    (33.333, 6148853202089604095, "aaaae297396d0c"),
    (50, 9223372036854775807, "8"),
    (90, 16602069666338596863, "19999999999998"),
    (99.9, 18428297329635844095, "004189374bc6a"),
    (99.999, 18446559606268813311, "0000a7c5ac472"),
    (100, HIGHEST, "0"),
    (250, HIGHEST, "0"),
]
HASHES = [
    ("00000000000000000000000000000001", 16254957729900898954, 7959616958859997177),
    ("0102030405060708090a0b0c0d0e0f10", 15838989281584434349, 6466422796093388406),
    ("4bf92f3577b34da6a3ce929d0e0e4736", 11908981664384643253, 15940483454982611258),
    ("5b8efff798038103d269b633813fc60c", 10804547627798090743, 18380332472284992548),
    ("0af7651916cd43dd8448eb211c80319c", 3728843964641534796, 8041337945062478299),
    ("ffffffffffffffffffffffffffffffff", 1711019809656077869, 8348242308961502774),
]
BOUNDARY = [
    (33.333, "", "011d0e020102013a7b7b030902023c16", "017702190b0b0f31040973091a041e03"),
    (99.9, "", "030a01773b1f001e010d05030e260c07", "043c7804163d0d0335037f0532283b13"),
    (0, "", "05140c18030600010bfb010a03020802", "06030a0408110a000c3e03081f18000e"),
    (33.333, "my-salt", "0b3e050303241801060d040102041a0a", "7f140e1f087f0f770f030b1a1c760008"),
]


@pytest.mark.parametrize(("percentage", "legacy", "th"), THRESHOLDS)
def test_thresholds(percentage: float, legacy: int, th: str) -> None:
    """Both thresholds of a percentage are the reference's, bit for bit."""
    assert hash_threshold(percentage) == legacy
    assert encoded(sampling_threshold(percentage)) == th


def test_thresholds_at_the_ends() -> None:
    """Below nothing is nothing, above everything is everything."""
    assert hash_threshold(-5) == hash_threshold(0) == hash_threshold(-float("inf")) == 0
    assert hash_threshold(float("inf")) == HIGHEST
    assert sampling_threshold(0) == sampling_threshold(1e-15) == NEVER
    assert sampling_threshold(100) == ALWAYS
    assert hash_threshold(1e-300) == 0


@pytest.mark.parametrize(("trace_id", "by_default", "salted"), HASHES)
def test_hashes(trace_id: str, by_default: int, salted: int) -> None:
    """The hash of salt and trace id is the reference's."""
    assert trace_hash("", bytes.fromhex(trace_id)) == by_default
    assert trace_hash("default-hash-seed", bytes.fromhex(trace_id)) == by_default
    assert trace_hash("my-salt", bytes.fromhex(trace_id)) == salted


@pytest.mark.parametrize(("percentage", "salt", "kept", "dropped"), BOUNDARY)
def test_the_threshold_itself_is_kept(
    percentage: float, salt: str, kept: str, dropped: str
) -> None:
    """A hash at the threshold is kept, the next one is not; so 0 % keeps a hash of 0."""
    assert trace_hash(salt, bytes.fromhex(kept)) == hash_threshold(percentage)
    for trace_id, expected in ((kept, True), (dropped, False)):
        trace = trace_of(request(span(bytes.fromhex(trace_id))))
        block = {"sampling_percentage": percentage, "hash_salt": salt}
        assert sampled("probabilistic", block, trace) is expected


def test_an_empty_trace_id_hashes_as_zeros() -> None:
    """A span without a trace id belongs to the trace of sixteen zero bytes."""
    empty = trace_of(request(span(b"")))
    zeros = trace_of(request(span(bytes(16))))
    assert empty.trace_id == zeros.trace_id == bytes(16)


def test_without_the_gate_tracestate_says_nothing() -> None:
    """Randomness in the header is only heard with the gate."""
    trace = trace_of(request(span(TRACE, trace_state="ot=rv:ffffffffffffff")))
    block = {"sampling_percentage": 1.0}
    votes = [ballot("probabilistic", block, trace, use_tracestate=gate) for gate in (False, True)]
    assert [isinstance(vote, Vote) and vote.decision.value for vote in votes] == [
        "not_sampled",
        "sampled",
    ]
