"""The files a page loads: our style and script, and htmx from its package.

Each address carries a digest of the content, so a browser may keep what it has for ever.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response

from fleet_server.domain.errors import NotFoundError

router = APIRouter()

_PLACES = {
    "console.css": ("fleet_server.web", "static/console.css", "text/css; charset=utf-8"),
    "live.js": ("fleet_server.web", "static/live.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("fleet_server.web", "static/icon.svg", "image/svg+xml"),
    "htmx.js": (
        "django_htmx",
        "static/django_htmx/htmx-2.min.js",
        "text/javascript; charset=utf-8",
    ),
}


@dataclass(frozen=True, slots=True)
class Asset:
    content: bytes
    media_type: str
    digest: str


@cache
def load_asset(name: str) -> Asset:
    """Raises NotFoundError for a name that is not listed here."""
    if name not in _PLACES:
        raise NotFoundError("There is no file %(file)s.", file=name)
    package, path, media_type = _PLACES[name]
    content = files(package).joinpath(path).read_bytes()
    return Asset(content, media_type, hashlib.sha256(content).hexdigest()[:16])


def asset_url(name: str) -> str:
    return f"/static/{load_asset(name).digest}/{name}"


@router.get("/static/{digest}/{name}", include_in_schema=False)
def static_file(digest: str, name: str) -> Response:
    """A file of the pages, whatever digest it is asked with."""
    asset = load_asset(name)
    lasting = digest == asset.digest
    caching = "public, max-age=31536000, immutable" if lasting else "no-cache"
    return Response(asset.content, media_type=asset.media_type, headers={"Cache-Control": caching})
