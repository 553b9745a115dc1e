"""``tailsampler doctor``: what will hurt, on what evidence, and what to set instead.

``gather`` reads a configuration, a running gateway and its backends into ``Facts``; ``checks`` is
the table of pure functions from facts to findings; ``show`` prints them.
"""
