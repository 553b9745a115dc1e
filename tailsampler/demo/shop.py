"""The ten services of the shop."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

CLOCK_AHEAD_NS: Final = 3_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service: what its resource says, and how its spans travel."""

    name: str
    version: str
    sender: Literal["grpc", "http"]
    """Which of OTLP's transports its exporter speaks."""
    clock_ahead_ns: int = 0
    """How much its clock is ahead of everybody else's."""

    def resource(self) -> Mapping[str, str]:
        """Attributes of its resource, by the semantic conventions."""
        pod = f"{self.name}-7d9c5b6f4-x2x7k"
        return {
            "service.name": self.name,
            "service.namespace": "shop",
            "service.version": self.version,
            "service.instance.id": pod,
            "deployment.environment.name": "demo",
            "k8s.cluster.name": "demo",
            "k8s.namespace.name": "shop",
            "k8s.deployment.name": self.name,
            "k8s.pod.name": pod,
            "k8s.node.name": "node-1" if self.sender == "grpc" else "node-2",
        }


SERVICES: Final = (
    Service(name="web-frontend", version="4.2.0", sender="http"),
    Service(name="api-gateway", version="2.11.3", sender="grpc"),
    Service(name="catalog", version="1.8.0", sender="http"),
    Service(name="cart", version="1.3.7", sender="grpc"),
    Service(name="checkout", version="3.0.1", sender="grpc"),
    Service(name="payment", version="2.4.4", sender="http"),
    Service(name="inventory", version="0.9.12", sender="grpc", clock_ahead_ns=CLOCK_AHEAD_NS),
    Service(name="shipping", version="1.1.0", sender="http"),
    Service(name="email", version="1.0.5", sender="http"),
    Service(name="recommendation", version="0.4.2", sender="grpc"),
)
