"""What the gateway says about itself: the books, the metrics, the logs, the health listener."""
