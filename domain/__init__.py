"""Vocabulary: what Tanya talks about. Standard library only; imported by every room."""
