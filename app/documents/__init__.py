"""What is owned: knowledge bases, documents and their revisions, and their stores."""
