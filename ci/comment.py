"""Put the gate's comment on a pull request; a later run of the same audit writes its earlier comment anew.

The comment is known by its first line, a hidden marker, and by who wrote it: a comment of somebody else with
that line is left alone. A token that may not comment, as that of a fork's pull request, is a warning and no
error, since the check itself says what was found.

Everything comes in environment variables, as a GitHub workflow sets them: GITHUB_API_URL, GITHUB_REPOSITORY,
GITHUB_SERVER_URL, GITHUB_RUN_ID, and GITHUB_TOKEN, PULL_REQUEST, HEAD_SHA, COMMENT (the file).
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

SECONDS = 30
PAGE = 100


def main() -> int:
    """Create or update the comment."""
    text = Path(os.environ["COMMENT"]).read_text(encoding="utf-8")
    place = f"repos/{os.environ['GITHUB_REPOSITORY']}/issues"
    try:
        found = _earlier(f"{place}/{int(os.environ['PULL_REQUEST'])}/comments", text.split("\n", 1)[0])
        body = {"body": text + _footer()}
        if found is None:
            _call("POST", f"{place}/{int(os.environ['PULL_REQUEST'])}/comments", body)
        else:
            _call("PATCH", f"{place}/comments/{found}", body)
    except OSError as error:
        reason = " ".join(str(error).split()).replace("%", "%25")
        print(f"::warning title=fairweigh::The comment could not be written: {reason}")
        return 0
    print(f"fairweigh: comment {'written' if found is None else 'updated'}")
    return 0


def _earlier(comments: str, marker: str) -> int | None:
    """The id of our comment with this first line."""
    me = _login()
    page = 1
    while True:
        found: list[dict[str, Any]] = _call("GET", f"{comments}?per_page={PAGE}&page={page}")
        for comment in found:
            author = comment.get("user") or {}
            mine = author.get("login") == me if me else author.get("type") == "Bot"
            if mine and str(comment.get("body") or "").replace("\r\n", "\n").startswith(f"{marker}\n"):
                return int(comment["id"])
        if len(found) < PAGE:
            return None
        page += 1


def _login() -> str | None:
    """The name of the token's user; that of a workflow belongs to a bot, which may not ask for its own."""
    try:
        return str(_call("GET", "user")["login"])
    except urllib.error.HTTPError as error:
        if error.code in (403, 404):
            return None
        raise


def _footer() -> str:
    """For which commit the comment speaks: a check that could not judge leaves an earlier one standing."""
    run = f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}/actions/runs"
    return f"\n[Commit {os.environ['HEAD_SHA'][:12]}]({run}/{os.environ['GITHUB_RUN_ID']})\n"


def _call(method: str, path: str, body: dict[str, str] | None = None) -> Any:
    request = urllib.request.Request(
        f"{os.environ['GITHUB_API_URL']}/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Content-Type": "application/json",
            "User-Agent": "fairweigh",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )
    with urllib.request.urlopen(request, timeout=SECONDS) as answer:
        return json.load(answer)


if __name__ == "__main__":
    sys.exit(main())
