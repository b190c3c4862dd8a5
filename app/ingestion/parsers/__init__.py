"""A document's bytes → its text: one parser for each kind of file, chosen by content."""
