"""Access: who may look at the gateway or operate it, the log of that, and certificates."""
