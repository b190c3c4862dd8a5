"""What is owned: knowledge bases, documents and their revisions, and the stores that keep them in TiDB."""
