"""The spans that scenarios are put together from, by the semantic conventions of today."""

from dataclasses import replace
from random import Random

from tailsampler.demo.plan import MS, EventPlan, SpanPlan

PRODUCTS = ("teapot", "kettle", "lamp", "desk", "chair", "rug", "clock", "vase")


class Parts:
    """Makes spans whose numbers come from ``random``; a parent lasts as long as its children."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def ms(self, least: float, most: float) -> int:
        """A duration in nanoseconds, mostly near the lower end."""
        return int((least + (most - least) * self.random.random() ** 2) * MS)

    def product(self) -> str:
        """Something to buy."""
        return self.random.choice(PRODUCTS)

    def http(
        self, service: str, route: str, *children: SpanPlan, method: str = "GET", status: int = 200
    ) -> SpanPlan:
        """A server's span of an HTTP request; ``children`` run one after the other within it."""
        path = route.replace("{id}", str(self.random.randrange(1, 5000)))
        span = SpanPlan(
            service=service,
            name=f"{method} {route}",
            kind="server",
            start_ns=0,
            duration_ns=self.ms(2, 20),
            attributes={
                "http.request.method": method,
                "http.route": route,
                "url.path": path,
                "url.scheme": "https",
                "server.address": f"{service}.shop.svc",
                "http.response.status_code": status,
                "client.address": f"10.3.{self.random.randrange(256)}.{self.random.randrange(256)}",
                "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64)",
            },
            error="internal error" if status >= 500 else None,
        )
        return within(span, *children)

    def calls(self, service: str, callee: SpanPlan) -> SpanPlan:
        """A client's span around a callee in another service."""
        span = SpanPlan(
            service=service,
            name=str(callee.attributes.get("http.request.method", callee.name)),
            kind="client",
            start_ns=0,
            duration_ns=self.ms(1, 3),
            attributes={
                **{
                    key: value
                    for key, value in callee.attributes.items()
                    if key.startswith(("http.re", "rpc."))
                },
                "server.address": f"{callee.service}.shop.svc",
                "server.port": 8080,
            },
            error=callee.error,
        )
        return within(span, callee)

    def rpc(self, service: str, method: str, *children: SpanPlan, status: str = "OK") -> SpanPlan:
        """A server's span of a gRPC call."""
        span = SpanPlan(
            service=service,
            name=method,
            kind="server",
            start_ns=0,
            duration_ns=self.ms(1, 12),
            attributes={
                "rpc.system.name": "grpc",
                "rpc.method": method,
                "rpc.response.status_code": status,
                "server.address": f"{service}.shop.svc",
                "server.port": 9090,
            },
        )
        return within(span, *children)

    def query(self, service: str, table: str, operation: str = "SELECT") -> SpanPlan:
        """A client's span of a database."""
        return SpanPlan(
            service=service,
            name=f"{operation} {table}",
            kind="client",
            start_ns=0,
            duration_ns=self.ms(0.5, 9),
            attributes={
                "db.system.name": "postgresql",
                "db.namespace": service,
                "db.collection.name": table,
                "db.operation.name": operation,
                "db.query.text": f"{operation} ... {table} WHERE id = $1",
                "server.address": "postgres.shop.svc",
                "server.port": 5432,
            },
        )

    def work(self, service: str, name: str, ns: int, *children: SpanPlan) -> SpanPlan:
        """An internal span of about this length."""
        span = SpanPlan(service=service, name=name, kind="internal", start_ns=0, duration_ns=ns)
        return within(span, *children)

    def exception(self, kind: str, message: str, at_ns: int, frames: int = 12) -> EventPlan:
        """An event with a stack trace."""
        lines = ["Traceback (most recent call last):"]
        for number in range(frames):
            lines += [
                f'  File "shop/{number}.py", line {self.random.randrange(900)}, in step_{number}',
                f"    return step_{number + 1}(order, retries=3)",
            ]
        return EventPlan(
            name="exception",
            at_ns=at_ns,
            attributes={
                "exception.type": kind,
                "exception.message": message,
                "exception.stacktrace": "\n".join([*lines, f"{kind}: {message}"]),
            },
        )


def within(parent: SpanPlan, *children: SpanPlan) -> SpanPlan:
    """``parent`` with children that run one after the other, stretched to hold them.

    Its own time is spent half before and half after them.
    """
    at_ns = parent.start_ns + parent.duration_ns // 2
    placed = []
    for child in children:
        placed.append(child.shifted(at_ns - child.start_ns))
        at_ns = placed[-1].end_ns
    end_ns = at_ns + parent.duration_ns - parent.duration_ns // 2
    return replace(
        parent, children=parent.children + tuple(placed), duration_ns=end_ns - parent.start_ns
    )
