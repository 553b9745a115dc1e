"""The control service: how other programs ask a gateway for its books and its verdicts.

``proto/tailsampler/v1/control.proto`` is the interface; ``generate.py`` writes ``v1/`` from it.
"""
