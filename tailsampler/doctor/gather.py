"""Read everything that checks look at: a file, a gateway, its backends, a Collector's file."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from pydantic import ValidationError

from tailsampler.clock import Clock
from tailsampler.doctor.facts import Facts, Live, Stored, Upstream
from tailsampler.doctor.probe import HIDDEN, probe
from tailsampler.doctor.upstream import read_upstream
from tailsampler.errors import ControlError
from tailsampler.explain import ask
from tailsampler.settings.export import LocalExporter
from tailsampler.settings.fit import fit
from tailsampler.settings.machine import look as this_machine
from tailsampler.settings.root import Settings
from tailsampler.telemetry import machine
from tailsampler.telemetry.machine import Machine
from tailsampler.traces.model import decode

Ask = Callable[[str], tuple[int, dict[str, Any]]]
"""The status (200 or 404) and the JSON of an answer; raises ``ControlError`` for all else."""

DEFAULT_URL: Final = "http://127.0.0.1:7317"
_SECRET: Final = "(secret)"  # noqa: S105 - what stands where one was hidden
_RECENT: Final = 128
"""Verdicts of either kind; the kept traces among them are read for the clocks, one by one."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for on the command line."""

    settings: Settings | None
    """Of the file that was named; None: those of the gateway, or ``fallback``."""
    settings_name: str
    fallback: Settings
    """Where no file was named and no gateway answers."""
    fallback_name: str
    url: str | None
    """Of the admin listener; None: where the settings say, and it need not be there."""
    backends: bool
    collector: Path | None
    ask: Ask = ask


def gather(options: Options, clock: Clock) -> Facts:
    """Ask everybody once.

    Raises ``SettingsError`` for a Collector's configuration that cannot be used, and
    ``ControlError`` if a gateway that was named cannot be asked.
    """
    url = (options.url or _likely_url(options.settings or options.fallback)).rstrip("/")
    why_not = ""
    try:
        live, body = _live(options.ask, url, clock)
    except ControlError as error:
        if options.url is not None:
            raise ControlError(error.code, error.say.replace("--endpoint", "--url")) from error
        live, body, why_not = None, {}, f"none answers at {url}"
    running: Mapping[str, Any] | None = None
    settings, name = options.settings, options.settings_name
    if live is not None:
        _, told = options.ask(f"{url}/api/v1/config")
        if settings is None:
            settings, name = _settings(told["config"], url), f"the gateway at {url}"
        else:
            running = told["config"]
    if settings is None:
        settings, name = options.fallback, options.fallback_name
    if options.settings is not None or live is None:
        # As the gateway does with a file when it starts.
        settings, _ = fit(settings, this_machine(settings.data_directory))
    given = Machine.of(body["machine"]) if live else machine.look(settings.data_directory)
    facts = Facts(
        settings=settings,
        config_name=name,
        machine=given,
        live=live,
        why_not_live=why_not,
        running=running,
        upstream=_upstream(options, settings),
        stored=tuple(_stored(options.ask, live)) if live and _has_store(settings) else None,
    )
    return _with_backends(facts) if options.backends and facts.remote else facts


def _with_backends(facts: Facts) -> Facts:
    return replace(facts, backends=asyncio.run(probe(facts.remote)))


def _likely_url(settings: Settings) -> str:
    """Where its admin listener is: as the running gateway wrote it down, else as it is set."""
    try:
        text = (settings.data_directory / "addresses.json").read_text(encoding="utf-8")
        return f"http://{json.loads(text)['admin']}"
    except (OSError, ValueError, KeyError, TypeError):
        endpoint = settings.admin.endpoint
        return f"http://{endpoint}" if endpoint.port else DEFAULT_URL


def _live(ask: Ask, url: str, clock: Clock) -> tuple[Live, dict[str, Any]]:
    began_s, began_ns = clock.monotonic_s(), clock.wall_ns()
    status, body = ask(f"{url}/api/v1/status?recent={_RECENT}")
    took_s = clock.monotonic_s() - began_s
    if "ledger" not in body:
        say = f"{url}/api/v1/status answers {status}: no gateway, or one of an older version"
        raise ControlError("not_a_gateway", f"{say}; --endpoint says where to ask")
    wall_ns = began_ns + int(took_s * 5e8)
    return Live.of(body, url=url, wall_ns=wall_ns, took_s=took_s), body


def _settings(config: Mapping[str, Any], url: str) -> Settings:
    try:
        return Settings.model_validate(_with_stand_ins(config, itertools.count()))
    except ValidationError as error:
        say = (
            f"the gateway at {url} runs a configuration that this version does not know "
            f"({error.error_count()} keys); use the doctor of its version"
        )
        raise ControlError("other_version", say) from error


def _with_stand_ins(told: Any, numbers: Iterator[int]) -> Any:
    """A value of its own for each hidden secret: some must differ, and look like one."""
    if isinstance(told, dict):
        return {key: _with_stand_ins(value, numbers) for key, value in told.items()}
    if isinstance(told, list):
        return [_with_stand_ins(value, numbers) for value in told]
    return f"{HIDDEN}{next(numbers)}" if told == _SECRET else told


def _upstream(options: Options, settings: Settings) -> Upstream | None:
    if options.collector is None:
        return None
    receive = settings.receive
    ports = {receive.otlp_grpc.endpoint.port, receive.otlp_http.endpoint.port}
    return read_upstream(options.collector, ports)


def _has_store(settings: Settings) -> bool:
    return any(isinstance(exporter, LocalExporter) for exporter in settings.export)


def _stored(ask: Ask, live: Live) -> Iterator[Stored]:
    kept = [one for one in live.recent if one.get("kept") and one.get("judged_at_ns")]
    for verdict in kept:
        try:
            status, body = ask(f"{live.url}/api/v2/traces/{verdict['trace_id']}")
            if status != 200:
                continue  # not stored yet, or no longer
            data = json_format.ParseDict(body.get("trace", {}), TracesData())
            traces = list(decode(data.SerializeToString()))
        except (ControlError, json_format.ParseError, DecodeError):
            continue  # too large, or the store rests: one trace less
        for trace in traces:
            yield Stored(trace, int(verdict["judged_at_ns"]), int(verdict["spans"]))
