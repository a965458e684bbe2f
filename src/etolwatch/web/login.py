"""The login: one password, asked for once a session."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from etolwatch.web.guard import csrf_token, guard, try_word

blueprint = Blueprint("guard", __name__)
LONGEST = 1024  # characters of a password; hashing a book would keep the server busy


@blueprint.get("/login")
def login() -> str | Response:
    """The form. A link from elsewhere, which carries no session, passes through here with one click."""
    target = inside(request.args.get("next", "/"))
    if guard().access.is_open or guard().sessions.knows(session.get("known"), guard().now()):
        return redirect(target, 303)
    from_elsewhere = request.headers.get("Sec-Fetch-Site", "none") in ("cross-site", "same-site")
    return render_template("login.html", target=target, from_elsewhere=from_elsewhere, wrong="")


@blueprint.post("/login")
def enter() -> tuple[str, int] | tuple[str, int, dict[str, str]] | Response:
    """Lets in who knows the password."""
    target = inside(request.form.get("next", "/"))
    word = request.form.get("password", "")
    waiting = try_word(word) if 0 < len(word) <= LONGEST else 1
    if waiting == 0:
        session.clear()  # a session that was there before must not become a known one
        session["known"] = guard().sessions.begin(guard().now())
        csrf_token()
        return redirect(target, 303)
    if waiting > 1:
        wrong = f"Too many wrong passwords. Try again in {-(-waiting // 60)} minutes."
        page = render_template("login.html", target=target, from_elsewhere=False, wrong=wrong)
        return page, 429, {"Retry-After": str(waiting)}
    wrong = "That is not the password."
    return render_template("login.html", target=target, from_elsewhere=False, wrong=wrong), 403


@blueprint.post("/logout")
def leave() -> Response:
    """Ends the session, wherever a copy of its cookie is."""
    guard().sessions.end(session.get("known"))
    session.clear()
    return redirect(url_for("guard.login"), 303)


def inside(target: str) -> str:
    """The path if it is one of this server, else “/”: a login must not lead elsewhere.

    Browsers read a backslash as a slash, and drop tabs and line ends (URL Standard §4.4).
    """
    is_path = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if is_path and target.isprintable() and "\\" not in target else "/"
