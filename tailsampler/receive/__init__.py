"""Receive: the first stage. OTLP requests come in through doors that Rust keeps (crates/door)."""
