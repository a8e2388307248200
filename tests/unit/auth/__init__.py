"""Tests of auth without sockets."""
