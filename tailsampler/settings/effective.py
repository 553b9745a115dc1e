"""The configuration that is in force, as data and as YAML: every default filled in, no secret."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from tailsampler.settings.base import Section
from tailsampler.settings.root import Settings

_ONE_LINE = YAML()
_ONE_LINE.default_flow_style = True
_ONE_LINE.width = 1 << 20


def effective(settings: Settings) -> dict[str, Any]:
    """Plain data in the file's own form; secrets read ``(secret)``."""
    data: dict[str, Any] = settings.model_dump(mode="json")
    for policy in data["sampling"]["policies"]:
        # A criterion that is absent and one that is null are the same; a policy reads better short.
        for key in [key for key, value in policy.items() if value is None]:
            del policy[key]
    return data


def effective_yaml(settings: Settings) -> str:
    """The same as a configuration file."""
    yaml = YAML()
    yaml.width = 100
    out = io.StringIO()
    yaml.dump(effective(settings), out)
    return out.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One setting, or the head of several; no secret in it."""

    path: tuple[str | int, ...]
    value: str | None
    """As YAML on one line; None for the head of a section or of a list."""
    default: str | None
    """The same, of the built-in default; None where there is none."""
    differs: bool
    """Whether it is not the default, or, for a head, whether something below it is not."""
    what: str
    """What the setting is for; of an item of a list, its name."""


def lines(settings: Settings) -> list[Line]:
    """Every setting in the order of the file, each beside its default."""
    return list(_section((), settings, Settings(), effective(settings)))


def _section(
    path: tuple[str | int, ...], section: Section, base: Section | None, data: dict[str, Any]
) -> Iterator[Line]:
    """``base`` holds the defaults; None where each field has its own, or must be written."""
    for name, field in type(section).model_fields.items():
        if name not in data:
            continue  # a criterion that the policy has not
        value = getattr(section, name)
        default = getattr(base, name) if base is not None else field.default
        has_default = base is not None or not field.is_required()
        here, what = (*path, name), field.description or ""
        if isinstance(value, Section):
            same = default if type(default) is type(value) else None
            below = list(_section(here, value, same, data[name]))
        elif isinstance(value, tuple) and value and isinstance(value[0], Section):
            below = list(_items(here, value, default, data[name]))
        else:
            shown = _plain(base or section, name, default) if has_default else None
            differs = not has_default or value != default
            yield Line(
                path=here, value=_yaml(data[name]), default=shown, differs=differs, what=what
            )
            continue
        differs = any(line.differs for line in below)
        yield Line(path=here, value=None, default=None, differs=differs, what=what)
        yield from below


def _items(
    path: tuple[str | int, ...], value: tuple[Section, ...], default: object, data: list[Any]
) -> Iterator[Line]:
    for at, (item, plain) in enumerate(zip(value, data, strict=True)):
        # A list is the default as a whole or not at all; the item's own type says the rest.
        base = item if value == default else None
        below = list(_section((*path, at), item, base, plain))
        differs = any(line.differs for line in below)
        name = str(plain.get("name", ""))
        yield Line(path=(*path, at), value=None, default=None, differs=differs, what=name)
        yield from below


def _plain(section: Section, name: str, default: object) -> str:
    """A default in the file's form, by the section's own way to print it."""
    other = section.model_copy(update={name: default})
    return _yaml(other.model_dump(mode="json", include={name})[name])


def _yaml(value: object) -> str:
    out = io.StringIO()
    _ONE_LINE.dump([value], out)
    return out.getvalue().strip().removeprefix("[").removesuffix("]").strip()
