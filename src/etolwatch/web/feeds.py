"""The Atom feeds, as the server gives them out."""

from __future__ import annotations

from flask import Blueprint, Response, abort, request

from etolwatch.publish import feed, news
from etolwatch.publish.feed import ALL, SILENT, Channel, Places
from etolwatch.publish.news import Item
from etolwatch.web.library import library
from etolwatch.web.named import finding_path

blueprint = Blueprint("feeds", __name__)


@blueprint.get("/feed/all.atom")
@blueprint.get("/feed/all/<pass_id>.atom")
def everything(pass_id: str | None = None) -> Response:
    """What changed."""
    return _answer(ALL, pass_id)


@blueprint.get("/feed/silent.atom")
@blueprint.get("/feed/silent/<pass_id>.atom")
def silent(pass_id: str | None = None) -> Response:
    """Silent edits."""
    return _answer(SILENT, pass_id)


@blueprint.get("/feed/site/<name>.atom")
@blueprint.get("/feed/site/<name>/<pass_id>.atom")
def of_site(name: str, pass_id: str | None = None) -> Response:
    """What changed on one site."""
    known = {site for site, _ in library().found().folders()}
    if name not in known and library().site(name) is None:
        abort(404)
    return _answer(feed.of_site(name), pass_id)


def _answer(channel: Channel, pass_id: str | None) -> Response:
    catalog = library().store().catalog
    places = Places(_feed, _page)
    origin = news.origin(catalog)
    body: bytes | None
    if pass_id is None:
        body = feed.subscription(news.told(catalog), channel, places, origin)
    else:
        body = feed.archived(news.told(catalog, pass_id), pass_id, channel, places, origin)
    if body is None:
        abort(404)
    response = Response(body, content_type=f"{feed.MEDIA_TYPE}; charset=utf-8")
    response.headers["ETag"] = feed.entity_tag(body)
    response.make_conditional(request)
    return response


def _feed(channel: Channel, pass_id: str | None) -> str:
    return f"{request.url_root}feed/{channel.name}{f'/{pass_id}' if pass_id else ''}.atom"


def _page(item: Item) -> str | None:
    """Where an item is shown: the page of its finding, or of the edit that pages share."""
    at = item.finding.captured_at
    return request.url_root.rstrip("/") + finding_path(at, item.finding.uri) if at else None
