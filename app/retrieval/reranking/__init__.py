"""Putting the best passages in a better order, by a model that reads question and passage."""

from app.retrieval.reranking.making import make_reranker
from app.retrieval.reranking.reranker import NO_RERANKING, Reranker, Reranking, in_order

__all__ = ["NO_RERANKING", "Reranker", "Reranking", "in_order", "make_reranker"]
