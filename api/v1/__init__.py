"""The `/v1` resources, a blueprint each."""
