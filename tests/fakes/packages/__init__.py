"""Stand-ins for optional packages: the folder is on the path of child processes."""
