"""Measurements of the gateway that anyone can repeat: ``make bench``."""
