"""A Collector's configuration, as far as it says how spans are sent to this gateway."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tailsampler.doctor.facts import Sender, Upstream
from tailsampler.errors import Place, Problem, SettingsError, SettingsFileError
from tailsampler.settings.base import BadValueError
from tailsampler.settings.document import Document, read_document
from tailsampler.settings.units import parse_duration

_OTLP: Final = ("otlp", "otlp_grpc", "otlphttp", "otlp_http")
_SAMPLERS: Final = ("probabilistic_sampler", "tail_sampling")
# exporterhelper's and the batch processor's defaults.
_GIVES_UP_AFTER_S: Final = 300.0
_BATCH: Final = 8192
_MOST_BYTES: Final = 4 << 20

Tree = Mapping[str, Any]


def read_upstream(path: Path, ports: Collection[int]) -> Upstream:
    """Read the file; ``ports`` are those of this gateway's doors.

    Of several OTLP exporters those that send to one of these ports count, or all if none does: a
    service in front may have another port. References (``${env:...}``) are not resolved; where one
    stands, the Collector's default is taken.

    Raises:
        SettingsFileError: it cannot be read.
        SettingsError: it is no YAML, or has no exporter for traces that speaks OTLP.
    """
    file = str(path)
    try:
        text = path.read_bytes()[:_MOST_BYTES].decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        say = f"the Collector's configuration cannot be read ({why}); name a file that can be"
        raise SettingsFileError([Problem("file_unreadable", Place(file), say)]) from error
    document = read_document(text, file, lambda value: value)
    if document.problems:
        raise SettingsError(document.problems)
    senders = tuple(_senders(_tree(document.data)))
    if not senders:
        raise SettingsError([_no_sender(document)])
    ours = tuple(sender for sender in senders if _port(sender.endpoint) in ports)
    return Upstream(file=file, senders=ours or senders)


def _no_sender(document: Document) -> Problem:
    say = (
        "no traces pipeline here has an exporter that speaks OTLP (otlp, otlphttp, loadbalancing); "
        "name the configuration of the Collector that sends to this gateway"
    )
    at = document.place(("service", "pipelines"))
    return Problem("no_otlp_exporter", at, say)


def _senders(config: Tree) -> Iterator[Sender]:
    exporters, processors = _tree(config.get("exporters")), _tree(config.get("processors"))
    before: dict[str, list[str]] = {}
    for name, pipeline in _tree(_tree(config.get("service")).get("pipelines")).items():
        if name.partition("/")[0] != "traces":
            continue
        for exporter in _list(_tree(pipeline).get("exporters")):
            before.setdefault(exporter, []).extend(_list(_tree(pipeline).get("processors")))
    for name, used in before.items():
        kind, settings = name.partition("/")[0], _tree(exporters.get(name))
        if kind in _OTLP:
            yield _sender(name, settings, used, processors)
        elif kind in {"loadbalancing", "load_balancing"}:  # its name from 0.153 on
            # Its own queue and retries are off by default, those of its inner exporter are on.
            inner = _tree(_tree(settings.get("protocol")).get("otlp"))
            outer = settings.get("retry_on_failure")
            if outer is not None and _flag(_tree(outer), "enabled", default=False):
                inner = {**inner, "retry_on_failure": outer}
            if settings.get("sending_queue") is not None:
                inner = {**inner, "sending_queue": settings["sending_queue"]}
            yield _sender(name, {"endpoint": "", **inner}, used, processors)


def _sender(name: str, settings: Tree, used: list[str], processors: Tree) -> Sender:
    retry = _tree(settings.get("retry_on_failure"))
    limit = _seconds(retry.get("max_elapsed_time"), _GIVES_UP_AFTER_S)
    return Sender(
        name=name,
        endpoint=str(settings.get("endpoint") or settings.get("traces_endpoint") or ""),
        retries=_flag(retry, "enabled", default=True),
        gives_up_after_s=limit or None,  # 0 is "never" to a Collector
        batch=_batch(settings, used, processors),
        samples_before=tuple(one for one in used if one.partition("/")[0] in _SAMPLERS),
    )


def _batch(settings: Tree, used: list[str], processors: Tree) -> int | None:
    """Items that an exporter waits for; a batch processor in one of its pipelines counts, too."""
    queue = _tree(settings.get("sending_queue"))
    if _flag(queue, "enabled", default=True) and isinstance(queue.get("batch"), Mapping):
        return _whole(queue["batch"].get("min_size"), _BATCH)
    for name in used:
        if name.partition("/")[0] == "batch":
            return _whole(_tree(processors.get(name)).get("send_batch_size"), _BATCH)
    return None


def _tree(value: object) -> Tree:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _flag(settings: Tree, key: str, *, default: bool) -> bool:
    value = settings.get(key)
    return value if isinstance(value, bool) else default


def _whole(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _seconds(value: object, default: float) -> float:
    if value == 0:
        return 0.0
    try:
        return default if value is None else parse_duration(value).total_seconds()
    except BadValueError:
        return default  # a reference, or what the Collector will refuse by itself


def _port(endpoint: str) -> int | None:
    digits = endpoint.rstrip("/").rpartition(":")[2].partition("/")[0]
    return int(digits) if digits.isdigit() else None
