"""How good retrieval and answers are, measured on judged questions."""
