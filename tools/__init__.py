"""What agents may do: the MCP server. Imported by `app` only."""
