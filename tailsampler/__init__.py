"""A tail-sampling gateway for OpenTelemetry traces.

A span's way, stage by stage: ``receive`` (Rust), ``buffer`` (Rust), ``decide``, ``export``.
``app`` puts them together, ``cli`` is the command line, ``settings`` the configuration.
``_core`` is the data plane in Rust; only the stages and the testing helpers import it.
"""
