"""TraceQL, the part of it that selects spans: parse it, match a trace, narrow a search.

::

    query = parse("{ resource.service.name = `cart` && status = error }")
    found = store.search(
        needs(query), lambda row, trace: evaluate(query, row, trace), limit=20, deadline=deadline
    )

What is understood stands in docs/tempo-api.md. Semantics are Tempo's, quirks included: ``&&`` and
``||`` bind equally and from the left, a comparison with a missing attribute is false whatever the
operator, and a regular expression must match the whole value.
"""

from tailsampler.traces.traceql.errors import TraceQLError
from tailsampler.traces.traceql.lower import needs
from tailsampler.traces.traceql.match import OutOfTimeError, evaluate
from tailsampler.traces.traceql.parse import parse
from tailsampler.traces.traceql.tree import Query

__all__ = ["OutOfTimeError", "Query", "TraceQLError", "evaluate", "needs", "parse"]
