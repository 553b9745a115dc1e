"""Stand-ins and builders for tests of tailsampler, and of what is built around it.

``backend.CapturingBackend`` is an OTLP backend that remembers every span and answers by a script;
``spans.trace`` builds requests with obvious defaults; ``clock.ManualClock`` moves when told to.
"""
