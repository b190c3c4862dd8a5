"""Tidemark: semantic search and cited answers over a team's documents, on TiDB."""
