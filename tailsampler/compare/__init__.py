"""What two sides kept, and why each difference is one.

A side is files, a list of trace ids, or something that answers Tempo's search: ``sides`` tells them
apart. Each is read once into sorted records of 44 bytes a trace (``collected``), both are walked
together (``partition``), what differs is looked at more closely (``seen``, ``verdicts``,
``tailsampler.decide.offline``) and put in a class with a sentence (``explaining``, ``report``).
"""
