"""The board: one page that shows leads, inside a chat (MCP Apps) and in a browser.

`source/` holds the page in TypeScript, `npm ci && npm run build` makes `board.html` out of it, and
that file alone is in the wheel. `board_file` reads it; `server` and `web` hand it out.
"""
