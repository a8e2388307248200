"""Where state lives. Plain arguments, never Settings; imported by `utils` and above."""
