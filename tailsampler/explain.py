"""Say why a trace was kept or dropped, by asking the admin listener of a running gateway."""

import json
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import IO, Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tailsampler.access.credentials import NONE, Credentials
from tailsampler.errors import ControlError

FOUND: Final = 0
NOT_FOUND: Final = 1

_TIMEOUT_S: Final = 30.0  # a search through the verdict log may take some
_MOST_BYTES: Final = 1 << 20
_NOT_FOUND_STATUS: Final = 404
_REFUSED_STATUSES: Final = (401, 403)

_EARLY: Final = {
    "early_buffer_full": "the buffer log had reached its bound (buffer.max_bytes)",
    "early_index_full": "the index in memory had reached its bound (buffer.max_index_bytes)",
    "early_shutdown": "the gateway was asked to drain",
}
_SOURCES: Final = {
    "trace_id": "the last 7 bytes of the trace id",
    "rv": "rv in the tracestate",
    "hash": "a hash of the trace id",
}


def explain(
    trace_id: str,
    *,
    endpoint: str,
    as_json: bool = False,
    out: IO[str] | None = None,
    credentials: Credentials = NONE,
) -> int:
    """Print what became of a trace; returns the exit status: 0 known, 1 not.

    ``endpoint`` is the URL of the admin listener. Raises ``ControlError`` if it cannot be asked.
    """
    out = out or sys.stdout
    status, body = ask(f"{endpoint.rstrip('/')}/api/v1/decisions/{trace_id}", credentials)
    if as_json:
        out.write(json.dumps(body, indent=2) + "\n")
    elif status == _NOT_FOUND_STATUS:
        out.write(f"{body.get('say', 'not known')}\n")
    else:
        _print(body, out)
    return NOT_FOUND if status == _NOT_FOUND_STATUS else FOUND


def ask(url: str, credentials: Credentials = NONE) -> tuple[int, dict[str, Any]]:
    """The status (200 or 404) and the JSON of an answer; anything else is a ``ControlError``."""
    if credentials.encrypted and url.startswith("http://"):
        # Whoever names certificates means TLS, whatever the default address says.
        url = f"https://{url.removeprefix('http://')}"
    if not url.startswith(("http://", "https://")):
        raise ControlError("bad_endpoint", f"{url} is no URL; write http://127.0.0.1:7317")
    # No proxy: the listener is on this machine, or behind a tunnel that ends here.
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({}), _NoRedirects()]
    if url.startswith("https://"):
        handlers.append(urllib.request.HTTPSHandler(context=credentials.ssl_context()))
    opener = urllib.request.build_opener(*handlers)
    request = urllib.request.Request(url, headers=credentials.authorization)  # noqa: S310 - above
    try:
        with opener.open(request, timeout=_TIMEOUT_S) as answer:
            return answer.status, _json(url, answer.read(_MOST_BYTES))
    except urllib.error.HTTPError as error:
        with error:
            body = _json(url, error.read(_MOST_BYTES))
        if error.code in _REFUSED_STATUSES:
            say = f"{url} refused: {body.get('say', error.reason)}; --token-file names a token"
            raise ControlError("refused", say) from error
        if error.code == _NOT_FOUND_STATUS:
            return error.code, body
        raise ControlError(
            str(body.get("code", "control_failed")), f"{url}: {body.get('say', error.reason)}"
        ) from error
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", error)
        raise ControlError(
            "unreachable",
            f"cannot ask {url} ({reason}); is the gateway running, and is its admin listener "
            "there? --endpoint says where to ask",
        ) from error


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A gateway sends nobody elsewhere; a token must not go where something else does."""

    def redirect_request(self, *_args: Any, **_options: Any) -> None:
        """Follow nothing."""


def sentences(found: Mapping[str, Any]) -> Iterator[str]:
    """The answer in sentences."""
    if found["state"] == "held":
        yield from _held(found)
        return
    yield f"Trace {found['trace_id']} was {'kept' if found['kept'] else 'dropped'}."
    if found.get("early") == "trace_too_large":
        yield "It was larger than sampling.max_trace_bytes, and large_traces is drop."
        return
    if found.get("early") == "overload":
        yield "It would have been kept, had less come in."
    yield from _rule(found)
    if found.get("truncated"):
        yield "It was larger than sampling.max_trace_bytes: only some of its spans went."
    if found.get("early") not in {None, "overload", "shared"}:
        why = _EARLY.get(found["early"], found["early"])
        yield f"It was judged before it was due, on the spans that had come, because {why}."
    if found.get("late_spans_follow"):
        yield "Spans that come late follow this verdict."


def _held(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"Trace {found['trace_id']} is held: it is judged in {found['due_in_s']:.1f} s."
    first = found.get("first_match")
    if found.get("voted"):
        yield "Every policy votes on it then."
        return
    yield f"On what has come so far, policy {first} matches." if first else "No policy matches yet."


def _rule(found: Mapping[str, Any]) -> Iterator[str]:
    policy, share = found.get("policy"), found["probability"]
    own = found.get("policy_probability", share)
    if policy is None:
        yield "No policy matched it."
        return
    if found.get("voted"):
        part = f", by its part {found['sub_policy']}" if found.get("sub_policy") else ""
        did = "voted for it" if found["kept"] else "dropped it" if not own else "was against it"
        yield f"Policy {policy} {did}{part} ({found['reason']})."
        return
    if found.get("early") == "shared":
        yield f"On the spans that came here policy {policy} was the first that matched."
        also = f"Another gateway saw others, of a policy that keeps {_percent(share)}"
        yield f"{also}: this one follows."
        yield from _randomness(found, share)
        return
    witness = (found.get("evidence") or {}).get("witness")
    because = f"{found['reason']}{'' if witness is None else f' = {witness}'}"
    yield f"Policy {policy} was the first that matched ({because}); it keeps {_percent(own)}."
    if 0 < share < own:
        yield f"More came in than could be held: {share * 100:.4g} % of all traces could be kept."
    yield from _randomness(found, share)


def _randomness(found: Mapping[str, Any], share: float) -> Iterator[str]:
    source = _SOURCES.get(found["randomness_source"], found["randomness_source"])
    threshold, randomness = f"{found['threshold']:014x}", found["randomness"]
    relation = "at or over" if found["kept"] else "under"
    if 0 < share < 1:
        yield f"R = {randomness} ({source}) is {relation} its threshold T = {threshold}."
    if not found.get("consistent", True):
        yield "An earlier sampler had not acted by R, so the threshold it wrote was erased."


def _print(found: Mapping[str, Any], out: IO[str]) -> None:
    console = Console(file=out, highlight=False, emoji=False, markup=False, soft_wrap=True)
    for sentence in sentences(found):
        console.print(sentence)
    table = Table(show_header=False, box=box.SIMPLE)
    for label, value in _facts(found):
        table.add_row(label, Text(value))
    console.print(table, soft_wrap=False)


def _facts(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "spans", f"{found['spans']:,}"
    yield "bytes", f"{found['bytes']:,}"
    yield "duration", f"{found['duration_ns'] / 1e6:,.3f} ms"
    if found["state"] == "judged":
        at = datetime.fromtimestamp(found["judged_at_ns"] / 1e9, tz=UTC)
        yield "judged at", at.isoformat(timespec="milliseconds")
        reasons = (found.get("evidence") or {}).get("reasons") or ()
        yield "conditions met", ", ".join(reasons) or "none"
        if found["kept"] and found.get("th") and not found.get("truncated"):
            yield "written on its spans", f"ot=th:{found['th']}"
    yield "plan", str(found["plan"])


def _percent(share: float) -> str:
    if share >= 1:
        return "every trace it matches"
    if share <= 0:
        return "none of the traces it matches"
    return f"{share * 100:.4g} % of the traces it matches"


def _json(url: str, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ControlError(
            "not_a_gateway", f"{url} did not answer as a gateway does; --endpoint says where to ask"
        )
    return found
