"""Words, sentences and values of two languages."""
