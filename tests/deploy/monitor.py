"""What the documentation of the Prometheus operator says a ServiceMonitor may have.

Its definition is not among Kubernetes' own, so no package validates it; these are the fields that
the chart may write, with the operator's own patterns, and nothing else.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Duration = Annotated[
    str,
    Field(
        pattern=r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?"
        r"(([0-9]+)ms)?)$"
    ),
]


class Strict(BaseModel):
    """Nothing that is not named."""

    model_config = ConfigDict(extra="forbid")


class Metadata(Strict):
    """Of any object."""

    name: str
    labels: dict[str, str]


class Selector(Strict):
    """Of Services."""

    matchLabels: dict[str, str]  # noqa: N815 - Kubernetes' spelling


class Endpoint(Strict):
    """A port of these Services."""

    port: str
    path: str
    interval: Duration
    scheme: Literal["http", "https"] = "http"
    tlsConfig: dict[str, object] | None = None  # noqa: N815 - Kubernetes' spelling


class Spec(Strict):
    """What is scraped."""

    selector: Selector
    endpoints: list[Endpoint]


class ServiceMonitor(Strict):
    """The object."""

    apiVersion: Literal["monitoring.coreos.com/v1"]  # noqa: N815 - Kubernetes' spelling
    kind: Literal["ServiceMonitor"]
    metadata: Metadata
    spec: Spec
