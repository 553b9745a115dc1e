"""The configuration: one frozen model per stage, read from YAML with positions.

- ``root.Settings``: the whole of it; every stage has its own module beside it.
- ``load.load``: from a file, with every problem in one error.
- ``effective.effective``: back to plain data, secrets hidden.
- ``core_options``: what of it crosses to the data plane.
- ``base``, ``values``: what a section and a value are; ``document``, ``expand``: reading YAML.

Nothing is imported here: ``decide`` builds its policies from ``base`` and ``values``, and
``root`` is built from ``decide``.
"""
