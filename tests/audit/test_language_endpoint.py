"""Suites put to a language model behind an address, from the configuration to the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..models.openai_like import openai_like


def asked(folder: Path, address: str, way: str, **more: Any) -> dict[str, Any]:
    model = {"endpoint": address, "protocol": "openai", "score": way, "cache": "answers", "concurrency": 3}
    return {
        "audit": "t", "suite": "bbq", "model": model,
        "data": {"path": str(folder / "bbq" / "Age.jsonl.gz"), "items": 60},
        "report": {"charts": False}, **more,
    }  # fmt: skip


def audited(cli: Any, config: dict[str, Any]) -> Any:
    Path("a.yaml").write_text(json.dumps(config), encoding="utf-8")
    return cli("audit", "a.yaml", "-q")


def told(run: str = "runs/t") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(run, "audit.json").read_text(encoding="utf-8"))
    return found


def test_a_run_whose_server_fails_goes_on_where_it_was(data_folder: Path, here: Path, cli: Any) -> None:
    served = [0]

    def dying(body: dict[str, Any]) -> Any:
        served[0] += 1
        return (400, {}, {"error": {"message": "out of credit"}}) if served[0] > 30 else None

    with openai_like(wrong=dying) as (address, server):
        config = asked(data_folder, address, "choice")
        ended = audited(cli, config)
        assert ended.code == 2
        assert ended.err.rstrip().endswith("/v1/chat/completions: HTTP 400: out of credit")
        assert "\n" not in ended.err.rstrip()
        server.wrong = lambda body: None
        ended = audited(cli, config)
        assert ended.code == 0, ended
        model = told()["variants"][0]["model"]
        # One is the question whether there is a chat.
        assert model["usage"]["from_cache"]["answers"] == 29
        assert model["usage"]["asked"]["answers"] == 60 - 29 + 1
        Path("runs/t").rename("runs/first")
        before = len(server.asked)
        assert audited(cli, config).code == 0
        # All of it was kept; what the floor under flips asked again, too.
        assert len(server.asked) - before == 1
        first, again = (pq.read_table(f"runs/{r}/predictions/original.parquet") for r in ("first", "t"))
        assert again.equals(first)
    assert cli("verify", "runs/t").code == 0
    assert "out of credit" not in Path("runs/t/report.html").read_text(encoding="utf-8")


def test_another_address_is_a_variant_and_nothing_is_asked_to_time_it(
    data_folder: Path, here: Path, cli: Any
) -> None:
    with openai_like() as (address, server), openai_like(told=1) as (there, other):
        other_model = {"name": "other", "endpoint": there, "protocol": "openai"}
        config = asked(data_folder, address, "choice", variants=[other_model])
        config["data"]["items"] = 30
        assert audited(cli, config).code == 0
    result = told()
    assert [v["name"] for v in result["variants"]] == ["original", "other"], result["failed"]
    # Each question once, twice more for the floor under flips, and whether there is a chat.
    assert len(server.asked) == len(other.asked) == 30 * 3 + 1
    cost = result["variants"][1]["cost"]
    assert cost["timings"] == []
    assert cost["compute"] is None or cost["compute"] == 1.0
    assert "each request may cost" in cost["notes"][-1]
    assert result["variants"][1]["model"]["tokens_told"] == {"asked": 20, "least": 1}
    assert result["variants"][0]["self_flips"]["flips"] == 0
