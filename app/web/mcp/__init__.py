"""The MCP server: what assistants search, read and ask with, over HTTP at `/mcp` or over stdio."""
