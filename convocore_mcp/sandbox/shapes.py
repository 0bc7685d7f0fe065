"""The two shapes everything here speaks in. Rows are plain JSON: to give them types would be to
promise what Convocore does not.
"""

from __future__ import annotations

from typing import Any

Json = Any
Row = dict[str, Any]
