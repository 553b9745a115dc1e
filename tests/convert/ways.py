"""One configuration, judged by what was written for contrib and by what came out of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from ruamel.yaml import YAML

from tailsampler import _core
from tailsampler.convert import Converted, Notes, Wanted, convert
from tailsampler.settings.core_options import gateway_options, plan_json
from tailsampler.settings.load import parse
from tailsampler.settings.root import Settings
from tests.contrib.beside import by_the_model
from tests.contrib.build import pairs
from tests.contrib.generate import Config, Sending, traffic

OPTIONS = gateway_options(Settings())
SERVICES = ("cart", "gold", "GET", "503", "probe")
STATUSES: tuple[int | str, ...] = (200, 404, 500, 503, "503")
HTTP_KEYS = ("http.status_code", "http.response.status_code")
BEGAN_S = 1_000
JUDGED_WITHIN_S = 70


def native(text: str, **wanted: Any) -> Converted:
    return convert(text, "other.yaml", {}, Wanted(**wanted))


def settings_of(done: Converted) -> Settings:
    return parse(done.config, environ={})


def yaml(data: Any) -> str:
    out = io.StringIO()
    YAML(typ="safe", pure=True).dump(data, out)
    return out.getvalue()


def block(**options: Any) -> str:
    return yaml({"tail_sampling": {"decision_wait": "2s", **options}})


def policies(done: Converted) -> list[dict[str, Any]]:
    """The chain as plain data, as it is written."""
    data = YAML(typ="safe", pure=True).load(done.config)
    return [dict(policy) for policy in data["sampling"]["policies"]]


def effects(notes: Notes) -> set[str]:
    return {note.effect for note in [*notes.changed, *notes.left_out]}


def sendings(dice: Random, traces: int) -> list[Sending]:
    """Everything at once, so that no verdict depends on what has arrived; in true times."""
    sent = [replace(one, at_s=0.5) for one in traffic(dice, traces) if not broken(one)]
    for one in sent:
        _enrich(one, dice)
    return sent


def _enrich(sending: Sending, dice: Random) -> None:
    """Add what native policies ask for, and what is close to it; nothing that stands twice."""
    for resource in sending.request.resource_spans:
        if dice.random() < 0.4:
            _add(resource.resource, "service.name", dice.choice(SERVICES))
        for scope in resource.scope_spans:
            for span in scope.spans:
                if dice.random() < 0.1:
                    _add(span, "service.name", dice.choice(SERVICES))
                if dice.random() < 0.3:
                    _add(span, dice.choice(HTTP_KEYS), dice.choice(STATUSES))
                if dice.random() < 0.1:
                    _add(span, "rpc.grpc.status_code", dice.choice([0, 2, 5, 13]))


def conventional(sent: list[Sending]) -> list[Sending]:
    """The same as semantic conventions have it.

    A status is a number or its text and stands once on a span, and what stands on a resource is not
    repeated on its spans with another value.
    """
    for one in sent:
        for resource in one.request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    _tidy(span, resource.resource)
            _keep(
                resource.resource,
                lambda key, value: key != "service.name" or isinstance(value, str),
            )
    return sent


def _is_text_if_service(key: str, value: Any) -> bool:
    return key != "service.name" or isinstance(value, str)


def _tidy(span: Span, resource: Resource) -> None:
    statuses = [one.key for one in span.attributes if one.key in HTTP_KEYS]
    of_resource = {one.key for one in resource.attributes}
    _keep(resource, lambda key, _: key not in HTTP_KEYS)

    def fits(key: str, value: Any) -> bool:
        if key in HTTP_KEYS:
            plain = str(value)
            return key == statuses[0] and not isinstance(value, bool | float) and plain.isdigit()
        return key != "service.name" or (isinstance(value, str) and key not in of_resource)

    _keep(span, fits)


def _keep(of: Resource | Span, fits: Callable[[str, Any], bool]) -> None:
    kept: dict[str, KeyValue] = {}
    for one in of.attributes:
        kind = one.value.WhichOneof("value")
        if fits(one.key, None if kind is None else getattr(one.value, kind)):
            kept.setdefault(one.key, one)
    copied = [KeyValue(key=one.key, value=one.value) for one in kept.values()]
    del of.attributes[:]
    of.attributes.extend(copied)


def _add(to: Resource | Span, key: str, value: str | int) -> None:
    if key not in {one.key for one in to.attributes}:
        to.attributes.extend(pairs({key: value}))


def broken(sending: Sending) -> bool:
    """Whether a span in it has a time that no clock shows: 0, or one that wraps around."""
    return any(
        not 0 < time < 1 << 62
        for resource in sending.request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        for time in (span.start_time_unix_nano, span.end_time_unix_nano)
    )


def kept_by_contrib(config: Config, traffic: list[Sending]) -> dict[bytes, bool]:
    """Verdicts of the model, which is written from the description of contrib alone."""
    return {one: kept for one, (kept, _) in by_the_model(config, None, traffic).verdicts.items()}


def kept_by_us(done: Converted, traffic: list[Sending]) -> dict[bytes, bool]:
    """Verdicts of the engine."""
    simulation = _core.Simulation(OPTIONS)
    simulation.install_plan(plan_json(settings_of(done)))
    for sending in traffic:
        now_ns = round((BEGAN_S + sending.at_s) * 1e9)
        told = json.loads(simulation.ingest(sending.request.SerializeToString(), now_ns))
        assert "error" not in told, told
    return dict(_verdicts(simulation))


def _verdicts(simulation: Any) -> Iterator[tuple[bytes, bool]]:
    for second in range(1, JUDGED_WITHIN_S, 4):
        for text in simulation.advance((BEGAN_S + second) * 10**9):
            verdict = json.loads(text)
            yield bytes.fromhex(verdict["trace_id"]), verdict["kept"]
        simulation.take()
