"""A knowledge base as a whole: its documents on a map, what they are alike to, what class of."""
