"""Traces as values, for whoever shows or searches them. No I/O; the data plane never comes here."""
