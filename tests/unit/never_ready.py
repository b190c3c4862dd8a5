"""Parsers that never come up: to import this does not end."""

import time

while True:
    time.sleep(60)
