"""HTTP responses that the application makes: the one module that makes them.

JSON is sanitized; each other function says why its text needs no sanitizing. Connections that are
refused before the application sees them are answered in fixed words (`connections`).
"""

from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from convocore_mcp.server.sanitize import sanitize_object


def json_response(
    body: Mapping[str, object], status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON object as a response."""
    return JSONResponse(sanitize_object(body), status, headers)


def page_response(page: str, headers: Mapping[str, str]) -> Response:
    """The board, which holds no visitor's text: it was built with the program."""
    return Response(page, media_type="text/html", headers=headers)


def settings_response(body: Mapping[str, object], headers: Mapping[str, str]) -> Response:
    """A JSON object of the operator's settings, unchanged: its addresses are meant to be read."""
    return JSONResponse(body, headers=headers)


def plain_response(body: bytes, content_type: str) -> Response:
    """Figures for a program; no label of theirs holds text that anybody wrote."""
    return Response(body, headers={"Content-Type": content_type})
