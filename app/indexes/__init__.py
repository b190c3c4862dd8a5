"""Recipes and the chunk tables made from them; vector search in SQL."""
