"""The local trace store: kept traces in one SQLite file, for a machine without a backend."""
