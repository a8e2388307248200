"""Tests; each folder says in a README what does not belong in it."""
