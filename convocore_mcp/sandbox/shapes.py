"""The types of the sandbox's data. Rows stay plain JSON: typed rows would promise a shape that
Convocore does not promise.
"""

from __future__ import annotations

from typing import Any

Json = Any
Row = dict[str, Any]
