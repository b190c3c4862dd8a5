"""Bytes → stored chunks: parsing, chunking, the durable jobs and the worker that does them."""
