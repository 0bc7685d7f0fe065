"""The one-tool server over Streamable HTTP, on the web server that convocore-mcp uses.

python -m benchmarks.web_baseline_server PORT
"""

import sys

import uvicorn

from benchmarks.baseline_server import mcp

if __name__ == "__main__":
    uvicorn.run(
        mcp.streamable_http_app(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http="httptools",
        loop="uvloop",
        log_level="error",
    )
