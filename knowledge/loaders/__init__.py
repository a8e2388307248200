"""One module a format: bytes in, blocks out. Run inside the sandbox's child only."""
