"""Alembic's environment and the steps of the schema, `versions/NNNN_name.py`."""
