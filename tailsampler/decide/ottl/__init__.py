"""Conditions in OTTL, as ``ottl_condition`` of contrib's tail sampling has them.

``parse`` reads one: ``syntax`` makes a tree of it (``grammar.lark``), ``build`` and ``calls`` check
every name and literal against ``paths`` and ``converters``, ``fold`` takes literals out of ``and``
and ``or``. What comes out is a ``Condition`` (``expression.py``), plain data that the core
evaluates per span or per event.
"""

from tailsampler.decide.ottl.describe import describe
from tailsampler.decide.ottl.errors import OttlError
from tailsampler.decide.ottl.expression import Condition
from tailsampler.decide.ottl.paths import Context

__all__ = ["Condition", "Context", "OttlError", "describe", "parse"]


def parse(text: str, context: Context) -> Condition:
    """The condition, checked and lowered; ``OttlError`` says what is wrong with it and where.

    ``context``: ``span`` for conditions on spans, ``spanevent`` for conditions on their events.
    """
    # The grammar is for those who have conditions: it takes time and memory at the start.
    from tailsampler.decide.ottl.build import Builder  # noqa: PLC0415
    from tailsampler.decide.ottl.syntax import tree_of  # noqa: PLC0415

    expression = Builder(text, context).condition(tree_of(text))
    return Condition(context=context, text=text, expression=expression)
