"""Answers that several handlers give."""

from aiohttp import web


def problem(status: int, code: str, say: str) -> web.Response:
    """What is wrong, as JSON: a stable slug, and a sentence with the way out."""
    return web.json_response({"code": code, "say": say}, status=status)
