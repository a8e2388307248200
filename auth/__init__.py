"""Who is speaking: keys, sessions, claims. Imports `domain` only."""
