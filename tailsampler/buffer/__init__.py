"""Buffer: the second stage. Undecided spans are held in a log of files (crates/core)."""
