"""Question → an answer in which each sentence leads to the passage it rests on."""
