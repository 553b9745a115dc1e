"""What a span says, in words and within bounds: everything here came from outside."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from tailsampler.admin.pages.words import duration_ns, short
from tailsampler.traces.clocks import Place, Skew
from tailsampler.traces.model import Value

MOST_CHARACTERS: Final = 4_096
_TH: Final = re.compile(r"(?:^|[,;:])th:([0-9a-f]{1,14})(?=$|[,;])")
_SPACE: Final = 1 << 56


@dataclass(frozen=True, slots=True)
class Text:
    """A text that is shown in part if it is long."""

    shown: str
    characters: int

    @property
    def cut(self) -> bool:
        """Whether something is missing."""
        return len(self.shown) < self.characters


def text_of(value: Value, most: int = MOST_CHARACTERS) -> Text:
    """An attribute's value: text as it is, lists and maps as JSON, bytes as hexadecimal digits."""
    whole = value if isinstance(value, str) else _spell(value, most)
    return Text(whole[:most], max(len(whole), 2 * len(value) if isinstance(value, bytes) else 0))


def _spell(value: Value, most: int) -> str:
    if isinstance(value, bytes):
        return value[:most].hex()
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False, default=_json)
    return "null" if value is None else json.dumps(value)


def _json(value: Any) -> str:
    return bytes(value).hex()


def counts_for(trace_state: str) -> str | None:
    """What ``ot=th`` in a trace state means; None if there is none."""
    for entry in trace_state.split(","):
        key, _, rest = entry.strip().partition("=")
        found = _TH.search(rest) if key == "ot" else None
        if found:
            # In whole numbers: as a float, the largest threshold leaves nothing.
            kept = _SPACE - int(found[1].ljust(14, "0"), 16)
            if kept == _SPACE:
                return "th:0: every trace like it is kept, so it counts for 1 trace"
            traces = _SPACE / kept
            many = f"{traces:,.0f}" if traces >= 10 else f"{traces:.3g}"
            return (
                f"th:{found[1]}: {kept / _SPACE * 100:.4g} % of traces like it are kept, "
                f"so it counts for {many} traces"
            )
    return None


def iso(wall_ns: int) -> str:
    """``2026-11-23T21:30:05.123Z``, for ``datetime`` of a ``time`` element."""
    text = datetime.fromtimestamp(wall_ns / 1e9, tz=UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def clock_hint(skew: Skew) -> str:
    """One sentence: which clock is ahead of which, by how much, how sure that is."""
    may = "is" if skew.certain else "may be"
    seen = "1 call" if skew.calls == 1 else f"{skew.calls:,} calls"
    doubt = "" if skew.certain else ", or its callers do not wait for the end of its answers"
    ahead, behind = _who(skew.ahead), _who(skew.behind)
    return f"The clock of {ahead} {may} {_span_of(skew)} ahead of that of {behind}{doubt} ({seen})."


def _span_of(skew: Skew) -> str:
    if skew.most_ns is None:
        return f"at least {duration_ns(skew.least_ns)}"
    least, most = duration_ns(skew.least_ns), duration_ns(skew.most_ns)
    if least == most:
        return f"about {least}"
    number, unit = least.split(" ")[0], least.split(" ")[1:]
    return f"{number if unit == most.split(' ')[1:] else least} to {most}"


def _who(place: Place) -> str:
    service = short(place.service, 60)
    return f"{service} (on {short(place.host, 40)})" if place.host else service
