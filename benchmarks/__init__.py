"""Measured promises: `make bench` prints them in one table."""
