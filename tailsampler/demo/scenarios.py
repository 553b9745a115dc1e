"""What happens in the shop. Each function makes one trace; ``SCENARIOS`` says how often."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from tailsampler.demo.parts import Parts, within
from tailsampler.demo.plan import MS, EventPlan, SpanPlan, TracePlan

DEEP_LEVELS: Final = 60
WIDE_CHILDREN: Final = 200
BURST_TRACES: Final = 40
LATE_NS: Final = 12_000 * MS
"""After every decision_wait that is written in ``config/``."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of trace."""

    name: str
    weight: float
    """How often, compared with the others."""
    sentence: str
    make: Callable[[Parts], SpanPlan]
    follow_up: Callable[[Parts], SpanPlan] | None = None
    times: int = 1
    """Traces that begin at the same moment."""

    def plan(self, parts: Parts) -> TracePlan:
        """One trace of this kind."""
        root = self.make(parts)
        follow_up = None if self.follow_up is None else self.follow_up(parts)
        return TracePlan(scenario=self.name, root=root, follow_up=follow_up)


def page(parts: Parts, route: str, *inner: SpanPlan, status: int = 200) -> SpanPlan:
    """A page of the shop: front end, gateway, and what stands behind it."""
    gateway = parts.http("api-gateway", f"/api{route}", *inner, status=status)
    asked = parts.calls("web-frontend", gateway)
    return parts.http("web-frontend", route, asked, status=status)


def browse(parts: Parts) -> SpanPlan:
    """Look at a product."""
    catalog = parts.http("catalog", "/products/{id}", parts.query("catalog", "products"))
    return page(parts, "/products/{id}", parts.calls("api-gateway", catalog))


def recommend(parts: Parts) -> SpanPlan:
    """The front page, with recommendations."""
    model = parts.work("recommendation", "rank products", parts.ms(3, 25))
    asked = parts.rpc("recommendation", "shop.Recommendation/List", model)
    return page(parts, "/", parts.calls("api-gateway", asked))


def fill_cart(parts: Parts) -> SpanPlan:
    """Put something into the cart."""
    stored = parts.query("cart", "carts", "UPDATE")
    asked = parts.rpc("cart", "shop.Cart/Add", stored)
    return page(parts, "/cart", parts.calls("api-gateway", asked))


def order(parts: Parts) -> SpanPlan:
    """Buy it: the longest ordinary trace."""
    paid = parts.http("payment", "/charges", parts.query("payment", "charges", "INSERT"))
    sent = parts.http("shipping", "/quotes", method="POST")
    mailed = parts.http("email", "/receipts", method="POST", status=202)
    placed = parts.rpc(
        "checkout",
        "shop.Checkout/Place",
        parts.calls("checkout", parts.rpc("cart", "shop.Cart/Get", parts.query("cart", "carts"))),
        parts.calls("checkout", paid),
        parts.calls("checkout", sent),
        parts.calls("checkout", mailed),
    )
    return page(parts, "/checkout", parts.calls("api-gateway", placed))


def server_error(parts: Parts) -> SpanPlan:
    """Payment answers 5xx, and everybody up the line with it."""
    status = parts.random.choice((500, 502, 503, 504))
    paid = parts.http("payment", "/charges", method="POST", status=status)
    thrown = parts.exception("UpstreamError", f"the bank answered {status}", paid.duration_ns // 2)
    paid = replace(paid, events=(thrown,))
    return page(parts, "/checkout", parts.calls("api-gateway", paid), status=status)


def failed_work(parts: Parts) -> SpanPlan:
    """A nightly job fails: span status ERROR, and no HTTP anywhere."""
    ns = parts.ms(20, 90)
    item = parts.product()
    failed = replace(
        parts.work("catalog", "import products", ns, parts.query("catalog", "products", "INSERT")),
        error=f"the supplier's file ends in the middle of {item}",
        events=(parts.exception("ValueError", "unexpected end of file", ns // 2),),
    )
    return parts.work("catalog", "nightly import", parts.ms(5, 9), failed)


def grpc_fault(parts: Parts) -> SpanPlan:
    """A gRPC server's fault whose span status was left unset."""
    status = parts.random.choice(("UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL"))
    asked = parts.rpc("cart", "shop.Cart/Add", parts.query("cart", "carts"), status=status)
    return page(parts, "/cart", parts.calls("api-gateway", asked))


def slow(parts: Parts) -> SpanPlan:
    """A search that takes more than a second."""
    scan = replace(parts.query("catalog", "reviews"), duration_ns=parts.ms(1_050, 2_400))
    found = parts.http("catalog", "/search", scan)
    return page(parts, "/search", parts.calls("api-gateway", found))


def deep(parts: Parts) -> SpanPlan:
    """A category tree walked by recursion: sixty levels."""
    span = parts.query("catalog", "categories")
    for level in range(DEEP_LEVELS - 2, 0, -1):
        span = parts.work("catalog", f"category level {level}", parts.ms(0.1, 0.4), span)
    return parts.http("catalog", "/categories", span)


def wide(parts: Parts) -> SpanPlan:
    """One query a product, two hundred times: the N+1 problem."""
    queries = [parts.query("recommendation", "ratings") for _ in range(WIDE_CHILDREN)]
    short = [replace(query, duration_ns=parts.ms(0.2, 2)) for query in queries]
    return parts.rpc("recommendation", "shop.Recommendation/Similar", *short)


def publish(parts: Parts) -> SpanPlan:
    """An order that is put on a queue."""
    sent = SpanPlan(
        service="checkout",
        name="send orders",
        kind="producer",
        start_ns=0,
        duration_ns=parts.ms(1, 4),
        attributes=messaging("send", "checkout"),
    )
    return parts.rpc("checkout", "shop.Checkout/Queue", sent)


def consume(parts: Parts) -> SpanPlan:
    """The consumer of that order: a trace of its own, with a link to the producer."""
    took = SpanPlan(
        service="shipping",
        name="process orders",
        kind="consumer",
        start_ns=0,
        duration_ns=parts.ms(4, 12),
        attributes=messaging("process", "shipping"),
    )
    return within(took, parts.query("shipping", "parcels", "INSERT"))


def messaging(operation: str, client: str) -> dict[str, str]:
    """Attributes of a span on the queue of orders."""
    return {
        "messaging.system": "kafka",
        "messaging.destination.name": "orders",
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.client.id": client,
    }


def late(parts: Parts) -> SpanPlan:
    """A receipt that is mailed long after the verdict on its trace."""
    mailed = replace(
        parts.work("email", "mail receipt", parts.ms(20, 60)), start_ns=LATE_NS, late=True
    )
    queued = parts.http("email", "/receipts", method="POST", status=202)
    return replace(queued, children=(mailed,))


def stock(parts: Parts) -> SpanPlan:
    """Asks inventory, whose clock is ahead."""
    counted = parts.rpc("inventory", "shop.Inventory/Count", parts.query("inventory", "stock"))
    return page(parts, "/stock", parts.calls("api-gateway", counted))


def retried(parts: Parts) -> SpanPlan:
    """Events on a span that ends well after three attempts."""
    quoted = parts.http("shipping", "/quotes", method="POST")
    quoted = replace(quoted, duration_ns=90 * MS)
    tries = tuple(
        EventPlan(name="retry", at_ns=at * 25 * MS, attributes={"retry.number": at})
        for at in range(1, 4)
    )
    thrown = parts.exception("TimeoutError", "the carrier did not answer in 25 ms", 25 * MS, 4)
    return page(parts, "/shipping", replace(quoted, events=(thrown, *tries)))


def wordy(parts: Parts) -> SpanPlan:
    """Attribute values of many lines and of 4,000 characters."""
    statement = "SELECT p.id, p.name, p.price\n  FROM products p\n WHERE p.id IN ("
    statement += ", ".join(str(parts.random.randrange(10_000)) for _ in range(600)) + ")"
    query = parts.query("catalog", "products")
    query = replace(query, attributes={**query.attributes, "db.query.text": statement[:4000]})
    return page(
        parts,
        "/compare",
        parts.calls("api-gateway", parts.http("catalog", "/products/compare", query)),
    )


SCENARIOS: Final = (
    Scenario("browse", 46, "an ordinary look at a product", browse),
    Scenario("recommend", 12, "the front page", recommend),
    Scenario("cart", 12, "something put into the cart", fill_cart),
    Scenario("order", 8, "an order, through six services", order),
    Scenario("http error", 1.5, "payment answers 5xx", server_error),
    Scenario("failed job", 1, "span status ERROR without HTTP", failed_work),
    Scenario("grpc fault", 1, "a gRPC server's fault", grpc_fault),
    Scenario("slow", 3, "longer than a second", slow),
    Scenario("deep", 0.5, f"{DEEP_LEVELS} levels", deep),
    Scenario("wide", 0.3, f"{WIDE_CHILDREN} children", wide),
    Scenario("messaging", 3, "a producer, and a consumer linked to it", publish, consume),
    Scenario("late", 2, f"a span {LATE_NS // 10**9} s after the rest", late),
    Scenario("clock", 2, "inventory's clock is three seconds ahead", stock),
    Scenario("retries", 2, "events on a span, with a stack trace", retried),
    Scenario("wordy", 1, "attribute values of 4,000 characters", wordy),
    Scenario("burst", 0.15, f"{BURST_TRACES} traces at once", browse, times=BURST_TRACES),
)
