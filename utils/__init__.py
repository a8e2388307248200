"""Choosers, from Settings to one ready tool. The list of modules is closed."""
