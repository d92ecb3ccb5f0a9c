"""Variants of a language model, made here and given: scored, priced, held to the original's words."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pytest
from fairweigh.audit.config import Config, TrainData
from fairweigh.audit.making.given import check_same_task
from fairweigh.audit.making.texts import texts_of
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.training import TrainingRows

from ..asked_language import COLUMNS, chooser, save
from ..compression.test_language_models import adapter
from ..tiny import edit_json, sentences
from ..tiny_language import TEMPLATE, save_bpe


def config(data_folder: Path, model: Path, **more: Any) -> dict[str, Any]:
    return {
        "audit": "t",
        "suite": "bbq",
        "data": {"path": str(data_folder / "bbq" / "Age.jsonl.gz"), "items": 12},
        "model": {"kind": "causal-lm", "path": str(model), "device": "cpu"},
        "report": {"charts": False},
        **more,
    }


def audited(cli: Any, written: dict[str, Any], code: int = 0) -> Any:
    Path("a.yaml").write_text(json.dumps(written), encoding="utf-8")
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == code, ended
    return json.loads(Path("runs/t/audit.json").read_text(encoding="utf-8")) if code == 0 else ended


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speeds are measured, and for no longer than it takes to have some."""
    for name, value in (
        ("compression.language_cost.LEAST", 2),
        ("compression.language_cost.MOST", 2),
        ("compression.cost.SECONDS", 0.0),
        ("compression.cost.FEWEST_ROUNDS", 2),
        ("models.language.asked.TIMED_ROWS", 2),
        ("models.language.asked.AskedModel.most_again", 8),
    ):
        monkeypatch.setattr(f"fairweigh.{name}", value)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base") / "m"
    return save(folder, tokenizer={"template": TEMPLATE}, max_position_embeddings=1024)


def test_variants_are_made_and_given_and_told_with_their_costs(
    base: Path, data_folder: Path, here: Path, cli: Any
) -> None:
    pytest.importorskip("peft")
    pa.csv.write_csv(pa.table({"t": sentences(12, 3)}), "texts.csv")
    lora = adapter(str(base), here / "lora")
    shutil.copytree(base, here / "copy")
    other = save(here / "other", seed=3, tokenizer={"template": TEMPLATE.replace("<|end|>", "")})
    words = save(here / "words", tokenizer={"template": TEMPLATE}, max_position_embeddings=1024)
    renamed(words)
    written = config(
        data_folder, base,
        compressions=[{"prune-wanda": {"rows": 8}}, "int4-weight", {"name": "none", "recipe": "bf16"}],
        variants=[
            {"name": "same", "path": "copy"}, {"name": "tuned", "path": str(lora)},
            {"name": "template", "path": str(other)}, {"name": "vocabulary", "path": str(words)},
        ],
    )  # fmt: skip
    written["model"]["train"] = {"path": "texts.csv", "text": "t"}
    result = audited(cli, written)
    by_name = {variant["name"]: variant for variant in result["variants"]}
    assert list(by_name) == ["original", "prune-wanda-8", "none", "same", "tuned"]
    changed = {
        one["after"]: one["overall"]["rate"] for one in result["comparisons"] if one["before"] == "original"
    }
    assert changed["same"] == 0.0
    assert by_name["tuned"]["model"]["adapter_of"] == str(base)
    cost = by_name["prune-wanda-8"]["cost"]
    # 2 (keys, values) x 3 layers x 2 heads of 8 numbers x 4 bytes; half of that in bfloat16.
    assert [by_name[name]["cost"]["kv_bytes_per_token"] for name in ("original", "none")] == [384, 192]
    assert cost["stored_bytes"] < by_name["original"]["cost"]["stored_bytes"]
    assert by_name["prune-wanda-8"]["recipe"]["trained_on"] == "8 of 12 texts of texts.csv"
    told = cost["generation"] or cost["notes"]
    assert told
    failed = {one["name"]: one["why"] for one in result["failed"]}
    assert failed["int4-weight"].startswith("int4-weight: its kernels need a CUDA device")
    assert failed["template"].startswith("its chat template differs from the original's at character ")
    assert failed["vocabulary"].startswith("its vocabulary differs: expected the original's token ")
    again = cli("verify", "runs/t")
    assert again.code == 0, again
    report = Path("runs/t/annex.html").read_text(encoding="utf-8")
    assert "Keys and values" in report


def renamed(folder: Path) -> None:
    """Let two tokens of a tokenizer change places."""
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = content["model"]["vocab"]
    one, other = [token for token, number in vocabulary.items() if number in (20, 21)]
    vocabulary[one], vocabulary[other] = vocabulary[other], vocabulary[one]
    path.write_text(json.dumps(content), encoding="utf-8")


def test_an_artefact_of_a_language_model_is_audited_again(
    base: Path, data_folder: Path, here: Path, cli: Any
) -> None:
    first = audited(cli, config(data_folder, base, compressions=["int8-weight"]))
    shutil.move("runs/t", "runs/first")
    artefact = "runs/first/artefacts/int8-weight"
    written = config(data_folder, base) | {"model": {"kind": "variant", "path": artefact}}
    again = audited(cli, written)
    one = next(v for v in first["variants"] if v["name"] == "int8-weight")
    assert again["variants"][0]["overall"] == one["overall"]


def test_tokens_beyond_the_originals_are_padding_or_refused(base: Path, tmp_path: Path) -> None:
    model = chooser(base)
    for name, refused in (("pad_1", False), ("<|tool|>", True)):
        folder = tmp_path / name.strip("<|>")
        shutil.copytree(base, folder)
        other: Any = chooser(folder)
        other.engine.tokenizer.add_tokens([name])
        if refused:
            with pytest.raises(
                InputError, match=r"it has 1 tokens that the original has not, such as \d+ '<.tool"
            ):
                check_same_task(model, other, None)
        else:
            check_same_task(model, other, None)


def test_prompts_that_are_put_otherwise_are_refused(base: Path, tmp_path: Path) -> None:
    plain = save(tmp_path / "plain", max_position_embeddings=1024)
    with pytest.raises(InputError, match="chat is off, and on for the original; set chat"):
        check_same_task(chooser(base), chooser(plain), None)
    # Where no prompt goes through a template, it matters to nobody.
    check_same_task(chooser(base, chat="off"), chooser(plain), None)


def test_a_language_model_beside_another_kind_of_model_is_refused(base: Path) -> None:
    from types import SimpleNamespace

    other = SimpleNamespace(task="choice", labels=None)
    with pytest.raises(InputError, match="expected a language model, as the original is"):
        check_same_task(chooser(base), other, None)


TRAIN: list[tuple[dict[str, Any], str]] = [
    ({}, "a language model learns from a file of texts; expected path"),
    ({"path": "nowhere.jsonl"}, "expected a file, or a pattern"),
    ({"path": "texts.csv", "text": "u"}, "no column 'u'"),
    ({"path": "texts.csv", "text": "t", "label": "t"}, "model.train.label: texts have none; leave it out"),
    ({"path": "empty.csv", "text": "t"}, "got 1 empty text"),
    ({"path": "preds_Age.jsonl.gz"}, "are audited too, such as "),
]


def to_learn(data_folder: Path, model: Path, train: dict[str, Any]) -> TrainingRows:
    read = Config.model_validate(config(data_folder, model))
    return texts_of(read, TrainData.model_validate(train), COLUMNS)


@pytest.mark.parametrize(("train", "words"), TRAIN)
def test_texts_that_nothing_can_learn_from_are_told(
    train: dict[str, Any], words: str, base: Path, data_folder: Path, here: Path
) -> None:
    pa.csv.write_csv(pa.table({"t": sentences(3, 3)}), "texts.csv")
    pa.csv.write_csv(pa.table({"t": ["a", " ", "b"]}), "empty.csv")
    with pytest.raises(InputError, match=words) as told:
        to_learn(data_folder, base, train)
    assert "\n" not in str(told.value)


def test_items_of_the_suite_that_are_not_audited_are_asked_as_the_audited_are(
    base: Path, data_folder: Path, here: Path
) -> None:
    rows = to_learn(data_folder, base, {"path": "Religion.jsonl.gz"})
    assert rows.about == f"{len(rows):,} items of Religion.jsonl.gz"
    model: Any = chooser(base)
    encoded = model.inputs.encode(rows.batch.slice(0, 3), None)
    read = [model.engine.tokenizer.decode(row) for row in encoded.rows]
    contexts = rows.batch.column("context").to_pylist()
    assert all(
        context in text and "<|assistant|>" in text for context, text in zip(contexts, read, strict=False)
    )


def test_a_folder_with_another_tokenizer_than_its_table_is_refused(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(base, folder)
    save_bpe(folder, template=TEMPLATE)
    edit_json(folder / "config.json", vocab_size=100)
    with pytest.raises(InputError) as told:
        chooser(folder)
    assert "\n" not in str(told.value)


def test_sentences_of_pairs_go_through_no_chat_template(
    base: Path, data_folder: Path, here: Path, cli: Any
) -> None:
    path = data_folder / "crows_pairs" / "crows_pairs_anonymized.csv"
    written = config(data_folder, base) | {
        "suite": "crows-pairs", "data": {"path": str(path), "items": 8},
    }  # fmt: skip
    assert audited(cli, written)["variants"][0]["model"]["chat"] is False
    shutil.rmtree("runs")
    for key, value, why in (
        ("chat", "on", "model.chat: sentences of pairs are weighed as they are; expected off"),
        ("score", "generate", "model.score: sentences of pairs are weighed whole; expected likelihood, got"),
        ("system", "Be brief.", "model.system: sentences of pairs are weighed as they are; leave it out"),
    ):
        ended = audited(cli, written | {"model": {**written["model"], key: value}}, code=2)
        assert why in ended.err


def test_keys_that_do_nothing_are_refused(base: Path, data_folder: Path, here: Path, cli: Any) -> None:
    for more, why in (
        ({"prompt": "Who was it?"}, "model.prompt: it is the same for every row; expected the names of"),
        ({"samples": 3}, "model.samples: belongs to task: generation, the task is choice; leave it out"),
        ({"kind": "masked-lm"}, "model.kind: a masked language model weighs sentences of pairs alone; "),
    ):
        written = config(data_folder, base)
        ended = audited(cli, written | {"model": {**written["model"], **more}}, code=2)
        assert why in ended.err


def test_a_variant_of_another_kind_is_asked_as_the_original(
    base: Path, data_folder: Path, here: Path, cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []

    def asked(spec: Any, *_: Any) -> Any:
        said.append(spec.score)
        raise InputError("no file")

    monkeypatch.setattr("fairweigh.audit.making.given.language_model", asked)
    Path("q4.gguf").write_bytes(b"GGUF")
    written = config(data_folder, base, variants=[{"name": "q4", "path": "q4.gguf"}])
    failed = audited(cli, written)["failed"]
    assert said == ["likelihood"]
    assert failed[0]["name"] == "q4"


@pytest.mark.parametrize(
    ("model", "suite", "why"),
    [
        ({"kind": "gguf", "path": "x.gguf", "score": "likelihood"}, "bbq", "llama.cpp cannot weigh given"),
        ({"kind": "gguf", "path": "x.gguf"}, "crows-pairs", "llama.cpp cannot weigh given texts"),
        ({"kind": "masked-lm", "path": "x"}, "bbq", "model.kind: a masked language model weighs"),
        ({"kind": "causal-lm", "path": "x"}, "hatecheck", "model: a language model is asked in the tasks"),
        ({"kind": "causal-lm", "path": "x", "score": "choice"}, "stereoset", "model.score: sentences of"),
        ({"kind": "seq2seq", "path": "x", "score": "choice"}, "bold", "model.score: texts are written; "),
    ],
)
def test_what_no_language_model_is_asked_is_found_before_it_is_read(
    model: dict[str, Any], suite: str, why: str, here: Path, cli: Any
) -> None:
    Path("a.yaml").write_text(
        json.dumps({"audit": "t", "suite": suite, "data": {"path": "x"}, "model": model}), encoding="utf-8"
    )
    ended = cli("check", "a.yaml")
    assert ended.code == 2
    assert ended.err.startswith("fairweigh: a.yaml: model")
    assert why in ended.err
