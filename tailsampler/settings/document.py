"""A YAML text as plain data, with the line and column of every key and value.

Read from the node graph and not from loaded objects: only nodes know where they stand, and only
here can every duplicate key be found instead of the first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple
from warnings import catch_warnings, simplefilter

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tailsampler.errors import Place, Problem
from tailsampler.settings.base import Loc
from tailsampler.settings.expand import ExpandError
from tailsampler.settings.scalars import scalar

_DEEPEST = 32  # levels; an anchor that contains itself ends here
_LARGEST = 100_000  # nodes; a file of aliases to aliases ends here
_STR = "tag:yaml.org,2002:str"
_AS_TEXT = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("timestamp", "value"))
_PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float"))


class Spot(NamedTuple):
    """A line and a column, from 1."""

    line: int
    column: int


def key_path(loc: Loc) -> str:
    """``sampling.policies[2].sample_rate``."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(slots=True)
class Document:
    """The data of a file, where everything stands in it, and what is wrong with its form."""

    file: str
    data: object = None
    keys: dict[Loc, Spot] = field(default_factory=dict)
    values: dict[Loc, Spot] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def place(self, loc: Loc, *, at_key: bool = False) -> Place:
        """Where ``loc`` stands, or the nearest thing around it that stands in the file."""
        near = loc
        while near and near not in self.values:
            near = near[:-1]
        at_key = at_key or near != loc
        spot = (self.keys.get(near) if at_key else None) or self.values.get(near) or Spot(1, 1)
        return Place(self.file, spot.line, spot.column, key_path(loc))


def read_document(text: str, file: str, expand: Callable[[str], str]) -> Document:
    """``expand`` replaces references in every value; keys are taken as they stand."""
    document = Document(file)
    try:
        with catch_warnings():
            simplefilter("ignore", ReusedAnchorWarning)  # the last one counts, as YAML has it
            root = YAML(typ="safe", pure=True).compose(text)
    except RecursionError:
        say = "the file is nested too deeply; write it flatter"
        document.problems.append(Problem("too_deep", Place(file), say))
        return document
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file)
        what = " ".join(str(error.problem or error.context or "not YAML").split())
        say = f"this is not valid YAML ({what}); check indentation, colons and quotes here"
        document.problems.append(Problem("not_yaml", at, say))
        return document
    except YAMLError as error:
        say = f"this is not valid YAML ({str(error).splitlines()[0]}); write it as UTF-8 text"
        document.problems.append(Problem("not_yaml", Place(file), say))
        return document
    if root is not None:
        _Reader(document, expand).read(root)
    return document


class _Reader:
    def __init__(self, document: Document, expand: Callable[[str], str]) -> None:
        self._document = document
        self._expand = expand
        self._nodes = 0

    def read(self, root: Node) -> None:
        self._document.data = self._value(root, ())

    def _value(self, node: Node, loc: Loc) -> object:
        self._document.values[loc] = _spot(node)
        self._nodes += 1
        if len(loc) > _DEEPEST or self._nodes > _LARGEST:
            if self._nodes <= _LARGEST + 1:
                say = "the file is nested too deeply, or repeats itself; write it out"
                self._report("too_deep", say, node, loc)
            return None
        if isinstance(node, MappingNode):
            return self._mapping(node, loc)
        if isinstance(node, SequenceNode):
            return [self._value(item, (*loc, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, loc) if isinstance(node, ScalarNode) else None

    def _mapping(self, node: MappingNode, loc: Loc) -> dict[str, object]:
        merged: dict[str, object] = {}
        own: dict[str, object] = {}
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                merged |= self._merge(value, loc)
                continue
            if not isinstance(key, ScalarNode) or key.tag not in {_STR, *_PLAIN_TAGS}:
                self._report("bad_key", "a key is a single word; write key: value", key, loc)
                continue
            name = str(key.value)
            here = (*loc, name)
            if name in own:
                first = self._document.keys[here].line
                say = f"{name} stands here a second time, after line {first}; keep one of them"
                self._report("duplicate_key", say, key, here)
                continue
            self._document.keys[here] = _spot(key)
            own[name] = self._value(value, here)
        return merged | own

    def _merge(self, node: Node, loc: Loc) -> dict[str, object]:
        """``<<: *anchor`` and ``<<: [*a, *b]``, where the earlier one wins."""
        sources = node.value if isinstance(node, SequenceNode) else [node]
        merged: dict[str, object] = {}
        for source in reversed(sources):
            if isinstance(source, MappingNode) and len(loc) < _DEEPEST:
                merged |= self._mapping(source, loc)
            else:
                say = "<< takes another mapping; write <<: *name-of-an-anchor"
                self._report("bad_merge", say, source, loc)
        return merged

    def _scalar(self, node: ScalarNode, loc: Loc) -> object:
        text = str(node.value)
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            say = "this holds half of a character (\\ud800 to \\udfff); write the whole one"
            self._report("half_a_character", say, node, loc)
            return Unusable()
        if node.style is None and node.tag in _PLAIN_TAGS:
            return scalar(text)
        if node.tag not in {_STR, *_AS_TEXT}:
            say = f"the tag {node.tag} is not known here; write the plain value"
            self._report("unknown_tag", say, node, loc)
            return None
        try:
            return self._expand(text)
        except ExpandError as error:
            self._report(error.code, str(error), node, loc)
            return Unusable()

    def _report(self, code: str, say: str, node: Node, loc: Loc) -> None:
        spot = _spot(node)
        at = Place(self._document.file, spot.line, spot.column, key_path(loc))
        self._document.problems.append(Problem(code, at, say))


class Unusable:
    """Stands for a value whose reference could not be replaced; that is reported already."""

    def __str__(self) -> str:
        """What a message may call it."""
        return "a value that could not be read"


def _spot(node: Node) -> Spot:
    return Spot(node.start_mark.line + 1, node.start_mark.column + 1)
