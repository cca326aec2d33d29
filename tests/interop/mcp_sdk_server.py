#!/usr/bin/env python3
"""A server of the Model Context Protocol by its official Python SDK (mcp 2.3.0).

SPDX-License-Identifier: Apache-2.0

usage: mcp_sdk_server.py stdio | mcp_sdk_server.py streamable-http PORT
"""

import sys

from mcp.server.mcpserver import MCPServer

server = MCPServer("sums")


@server.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
def fail() -> str:
    """Fails."""
    raise ValueError("it broke")


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run(transport="stdio")
    else:
        server.run(transport=sys.argv[1], port=int(sys.argv[2]))
