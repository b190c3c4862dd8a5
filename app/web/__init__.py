"""HTTP and nothing else: the pages, the JSON API, events and access."""
