"""Ask a gateway by its control service: for the command line and the operations services."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Self, cast

import grpc
from google.protobuf.duration_pb2 import Duration

from tailsampler.access.credentials import NONE, Credentials
from tailsampler.control.v1 import control_pb2 as pb
from tailsampler.control.v1.control_pb2_grpc import ControlStub
from tailsampler.errors import ControlError

# A gateway answers in milliseconds, or something is wrong with it.
TIMEOUT_S: Final = 10.0
# Each id costs 18 bytes on the wire, and a server takes 4 MiB; the answers come as a stream.
IDS_A_REQUEST: Final = 10_000


class ControlClient:
    """One gateway. Every call raises ``ControlError`` with words if it cannot be answered."""

    def __init__(
        self,
        channel: grpc.Channel,
        endpoint: str = "the gateway",
        credentials: Credentials = NONE,
    ) -> None:
        """``endpoint`` is the address to name in errors; of ``credentials`` the token is shown."""
        self._channel = channel
        self._metadata = tuple(credentials.authorization.items())
        self._endpoint = endpoint
        self._stub = ControlStub(channel)

    @classmethod
    def connect(cls, endpoint: str, credentials: Credentials = NONE) -> Self:
        """Ask ``host:port``; the connection is made by the first call.

        Raises ``ControlError`` for a certificate file that cannot be read.
        """
        if not credentials.encrypted:
            return cls(grpc.insecure_channel(endpoint), endpoint, credentials)
        tls = grpc.ssl_channel_credentials(*credentials.pem())
        return cls(grpc.secure_channel(endpoint, tls), endpoint, credentials)

    def ledger(self) -> pb.Ledger:
        """The books."""
        with self._in_our_words():
            return self._stub.GetLedger(
                pb.GetLedgerRequest(), timeout=TIMEOUT_S, metadata=self._metadata
            ).ledger

    def decisions(self, trace_ids: Iterable[bytes]) -> Iterator[pb.GetDecisionsResponse]:
        """What is known of each trace, in the order of the ids (16 bytes each)."""
        ids = list(trace_ids)
        for start in range(0, len(ids), IDS_A_REQUEST):
            request = pb.GetDecisionsRequest(trace_ids=ids[start : start + IDS_A_REQUEST])
            with self._in_our_words():
                yield from self._stub.GetDecisions(request, metadata=self._metadata)

    def watch(
        self, interval_s: float = 1.0, recent: int = 0
    ) -> Generator[pb.StatsSample, None, None]:
        """Samples of the gateway, one an interval, until it stops or the connection ends.

        ``recent``: newest verdicts in each sample, of each kind. Whoever has seen enough closes
        the iterator. Raises ``ControlError``, too, where the gateway goes away.
        """
        interval = Duration()
        interval.FromNanoseconds(int(interval_s * 1e9))
        request = pb.WatchStatsRequest(interval=interval, recent=recent)
        call = self._stub.WatchStats(request, metadata=self._metadata)
        try:
            with self._in_our_words():
                for answer in call:
                    yield answer.sample
        finally:
            call.cancel()

    def drain(self, within_s: float) -> pb.DrainResponse:
        """Judge all held traces and send what is kept; returns what is left after ``within_s``."""
        within = Duration()
        within.FromNanoseconds(int(within_s * 1e9))
        with self._in_our_words():
            return self._stub.Drain(
                pb.DrainRequest(within=within),
                timeout=within_s + TIMEOUT_S,
                metadata=self._metadata,
            )

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    @contextmanager
    def _in_our_words(self) -> Iterator[None]:
        try:
            yield
        except grpc.RpcError as error:
            # What a call raises is the call itself; the base class does not say so.
            call = cast("grpc.Call", error)
            code, details = call.code(), call.details() or "no details"
            if code in {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}:
                say = f"{self._endpoint} refused: {details}; --token-file names a token to show"
                raise ControlError("refused", say) from error
            if code is grpc.StatusCode.UNAVAILABLE:
                say = f"cannot reach {self._endpoint} ({details}); is the gateway running there?"
                raise ControlError("unreachable", say) from error
            say = f"{self._endpoint} answered {code.name}: {details}"
            raise ControlError("control_failed", say) from error
