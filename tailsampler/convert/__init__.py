"""From another sampler's configuration to ours, with a list of everything that is not the same.

Layout, in the order of reading: ``notes`` (what became of each part), ``match`` (what a native
policy can ask for), ``source`` and ``contrib_source``, ``alloy`` and ``refinery`` (the three that
are read), ``conditions`` and ``chain`` (policies that vote become a chain), ``settle`` (a finished
chain), ``targets`` (what is asked for), ``write`` (YAML with comments), ``run`` (all of it).
"""

from __future__ import annotations

from tailsampler.convert.notes import Converted, Note, Notes
from tailsampler.convert.run import Wanted, convert

__all__ = ["Converted", "Note", "Notes", "Wanted", "convert"]
