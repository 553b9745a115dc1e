"""What Kubernetes itself has against an object."""

from __future__ import annotations

from collections.abc import Iterator

import kubernetes_validate
from pydantic import ValidationError

from tests.deploy.monitor import ServiceMonitor
from tests.deploy.rendered import Object


def faults(one: Object, version: str) -> Iterator[str]:
    """By the schemas of a version, unknown fields included; ServiceMonitors by their own page."""
    name = f"{one['kind']}/{one['metadata']['name']}, {version}"
    try:
        if one["kind"] == "ServiceMonitor":
            ServiceMonitor.model_validate(one)
        else:
            kubernetes_validate.validate(one, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{name}: {error.message}"
    except ValidationError as error:
        yield f"{name}: {error}"
