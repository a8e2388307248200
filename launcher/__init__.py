"""What `make run` is made of: ports and keys, programs that live and end together."""
