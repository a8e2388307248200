"""Sound: decoding, engines. Imports `domain`; imported by `utils`, never by `api`."""
