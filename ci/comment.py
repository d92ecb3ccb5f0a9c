"""Put the gate's comment on a pull request; a later run of the same audit writes its earlier comment anew.

The comment is known by its first line, a hidden marker, and by who wrote it: a comment of somebody else with
that line is left alone, another bot's too. Where a token may not comment, as that of a fork's pull request,
or the server does not answer as it should, that is a warning and no error, since the check itself says what
was found. Wrong input ends with 2.

Everything comes in environment variables, as a GitHub workflow sets them: GITHUB_API_URL, GITHUB_REPOSITORY,
GITHUB_SERVER_URL, GITHUB_RUN_ID, and GITHUB_TOKEN, PULL_REQUEST, HEAD_SHA, COMMENT (the file). With
GITHUB_GRAPHQL_URL a token that has no user, such as that of an app, can say who it is.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))  # Python leaves it out where it is asked for safe paths.
from github import Api, ApiError, one_line, patiently

PAGE = 50
MOST_PAGES = 60
"""GitHub closes a pull request to further comments at 2,500."""
LONGEST = 65_536
"""Characters of a comment."""
DEADLINE = 180.0
"""Seconds for all of it, however slowly a server answers."""
WORKFLOW = "github-actions[bot]"
"""Who comments with the token that a workflow has by default."""

EXPECTED = {
    "GITHUB_API_URL": r"https?://\S+",
    "GITHUB_SERVER_URL": r"https?://\S+",
    "GITHUB_REPOSITORY": r"[\w.-]+/[\w.-]+",
    "GITHUB_RUN_ID": r"\d+",
    "GITHUB_TOKEN": r"[!-~]+",
    "PULL_REQUEST": r"[1-9]\d{0,9}",
    "HEAD_SHA": r"[0-9A-Fa-f]{7,64}",
    "COMMENT": r"[^\0]+",
}


class WrongError(Exception):
    """Input that no comment can be written from."""


def main() -> int:
    """Create or update the comment."""
    try:
        given = {name: _given(name, pattern) for name, pattern in EXPECTED.items()}
        text = _text(given)
    except WrongError as error:
        print(f"fairweigh: {one_line(str(error))}", file=sys.stderr)
        return 2
    ended: list[str | ApiError] = []
    # A server that sends a byte now and then holds a connection open for as long as it likes.
    worker = threading.Thread(target=lambda: ended.append(_ending(given, text)), daemon=True)
    worker.start()
    worker.join(DEADLINE)
    if worker.is_alive():
        ended.append(ApiError(f"the server took more than {DEADLINE:,.0f} seconds"))
    if not ended:
        return 2  # A fault of ours, whose traceback is printed.
    if isinstance(ended[0], str):
        print(f"fairweigh: comment {ended[0]}")
    else:
        reason = str(ended[0]).replace("%", "%25")
        print(f"::warning title=fairweigh::The comment could not be written: {reason}")
    return 0


def _given(name: str, pattern: str) -> str:
    value = os.environ.get(name, "")
    if not re.fullmatch(pattern, value, re.ASCII):
        came = "something else" if name == "GITHUB_TOKEN" else repr(value)
        raise WrongError(f"{name}: expected {pattern}, got {came}")
    return value


def _text(given: dict[str, str]) -> str:
    """The comment with its commit: a check that could not judge leaves the comment of an earlier one."""
    file = Path(given["COMMENT"])
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise WrongError(
            f"{file}: cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}"
        ) from None
    if not re.match(r"<!-- .+ -->\n", text):
        raise WrongError(f"{file}: expected a hidden marker in the first line, got {text[:40]!r}")
    run = f"{given['GITHUB_SERVER_URL']}/{given['GITHUB_REPOSITORY']}/actions/runs/{given['GITHUB_RUN_ID']}"
    footer = f"\n[Commit {given['HEAD_SHA'][:12]}]({run})\n"
    room = LONGEST - len(footer)
    if len(text) > room:
        cut = "\n\nThe rest stands in the report.\n"
        text = text[: room - len(cut)].rsplit("\n", 1)[0] + cut
    return text + footer


def _ending(given: dict[str, str], text: str) -> str | ApiError:
    api = Api(given["GITHUB_API_URL"], given["GITHUB_TOKEN"])
    issues = f"repos/{given['GITHUB_REPOSITORY']}/issues"
    try:
        # Each try looks for the comment first: one that ended without an answer may have written it.
        return str(patiently(lambda: _put(api, issues, given["PULL_REQUEST"], text)))
    except ApiError as error:
        return error


def _put(api: Api, issues: str, number: str, text: str) -> str:
    found = _earlier(api, f"{issues}/{number}/comments", text.split("\n", 1)[0])
    if found is None:
        written = api.call("POST", f"{issues}/{number}/comments", {"body": text})
    else:
        written = api.call("PATCH", f"{issues}/comments/{found}", {"body": text})
    if _id(written) is None:
        raise ApiError(f"expected the comment back, got {_kind(written)}")
    return "written" if found is None else "updated"


def _earlier(api: Api, comments: str, marker: str) -> int | None:
    """The id of our comment with this first line."""
    me = _login(api)
    for page in range(1, MOST_PAGES + 1):
        found = api.call("GET", f"{comments}?per_page={PAGE}&page={page}")
        if not isinstance(found, list) or not all(isinstance(comment, dict) for comment in found):
            raise ApiError(f"GET {comments}: expected a list of comments, got {_kind(found)}")
        for comment in found:
            if _author(comment) == me and str(comment.get("body")).splitlines()[:1] == [marker]:
                number = _id(comment)
                if number is None:
                    raise ApiError(f"GET {comments}: expected a comment with an id, got one without")
                return number
        if len(found) < PAGE:
            return None
    raise ApiError(f"GET {comments}: more than {MOST_PAGES * PAGE:,} comments")


def _login(api: Api) -> str:
    """The name of the token's user. That of a workflow or an app has none: it acts as a bot."""
    try:
        me = api.call("GET", "user")
    except ApiError as error:
        if error.wait is not None or error.code not in (403, 404):
            raise
        return _viewer(api) or WORKFLOW
    login = me.get("login") if isinstance(me, dict) else None
    if not isinstance(login, str):
        raise ApiError(f"GET user: expected a login, got {_kind(me)}")
    return login


def _viewer(api: Api) -> str | None:
    """The name of the token's bot, which only the other API tells; None where that says no."""
    url = os.environ.get("GITHUB_GRAPHQL_URL")
    if not url:
        return None
    try:
        told = api.call("POST", url, {"query": "query { viewer { login } }"})
    except ApiError as error:
        if error.wait is not None:
            raise
        return None
    for key in ("data", "viewer", "login"):
        told = told.get(key) if isinstance(told, dict) else None
    return told if isinstance(told, str) else None


def _kind(answer: Any) -> str:
    return "a list of something else" if isinstance(answer, list) else f"JSON of type {type(answer).__name__}"


def _author(comment: dict[str, Any]) -> str | None:
    user = comment.get("user")
    login = user.get("login") if isinstance(user, dict) else None
    return login if isinstance(login, str) else None


def _id(comment: Any) -> int | None:
    number = comment.get("id") if isinstance(comment, dict) else None
    return number if type(number) is int and number >= 0 else None


if __name__ == "__main__":
    sys.exit(main())
