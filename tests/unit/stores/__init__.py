"""Tests of stores without sockets."""
