"""How many cores, how much memory and disk a gateway needs, by what was measured of one.

``demand.py`` is what is asked, ``costs.toml`` what was measured (`python -m benchmarks.fit_sizes`
writes it), ``processor.py``, ``memory.py`` and ``disk.py`` multiply the two, ``answer.py`` adds
up, ``configured.py`` holds a configuration against the answer, ``show.py`` prints it.
"""
