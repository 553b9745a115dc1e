"""Export: the fourth stage. Kept traces leave the outbox for the backends.

``exporter.py`` is the loop, ``retry.py`` the rules, ``bisect.py`` the search for the part of a
batch that a backend refuses; ``otlp_grpc.py`` and ``file.py`` each know one kind of backend.
"""
