"""A shop of ten services on the real OpenTelemetry SDK, to see a gateway at work.

``plan`` says what a trace is, ``scenarios`` and ``mix`` make plans from a seeded random number
generator, ``emit`` walks a plan and makes the SDK's spans, ``senders`` are the services with
their exporters, ``run`` paces it all and says what was sent. ``child`` runs it beside a gateway.
"""
