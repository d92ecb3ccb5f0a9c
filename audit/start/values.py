"""What the values of a column say: a sensitive feature, the positive class, one value in many spellings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from ...datasets.columns import canonical
from . import names
from .column import Look

SEX_LETTERS = (
    {"f", "m"},
    {"w", "m"},
    {"h", "f"},
    {"f", "m", "x"},
    {"m", "w", "d"},
    {"f", "m", "u"},
    {"f", "m", "o"},
)
"""Letters of the sexes in English, German and French, with those for other or unknown."""
LEAST_CUT = 10
"""Letters from which a value that another one begins with is taken for that one cut off: not Niger."""
SEX_WORDS = {
    "male": "male", "female": "female", "man": "male", "woman": "female", "men": "male", "women": "female",
    "boy": "male", "girl": "female", "mannlich": "male", "weiblich": "female", "maennlich": "male",
    "mann": "male", "frau": "female", "homme": "male", "femme": "female", "masculin": "male",
    "feminin": "female",
    "hombre": "male", "mujer": "female", "masculino": "male", "femenino": "female", "feminino": "female",
    "varon": "male", "uomo": "male", "donna": "female", "maschio": "male", "femmina": "female",
    "男": "male", "女": "female", "男性": "male", "女性": "female", "남": "male", "여": "female",
    "남성": "male", "여성": "female", "мужской": "male", "женский": "female",
}  # fmt: skip
GROUPS = {
    "race": r"white|black|asian|hispanic|latin[oax]|caucasian|african|indian|islander|amerindian|mixed race|"
    r"multiracial|indigenous|aboriginal|european american|han|汉族|汉|回族|藏族|维吾尔族",
    "religion": r"christian\w*|muslims?|islam|jew(ish|s)?|hindus?|buddhist|catholic|protestant|"
    r"sikh|atheist|mormon",
    "family": r"married|divorced|widow(ed)?|separated|single|unmarried|verheiratet|ledig|geschieden|"
    r"verwitwet|casad[oa]|solter[oa]|marie|celibataire|已婚|未婚|离异",
    "group": r"women|trans|gay|lesbian|disabled|immigrants?|refugees?|transgender|homosexual|"
    r"heterosexual|straight",
    "disability": r"disabled|non ?disabled|not disabled",
}
COLOURS = {
    "red",
    "blue",
    "green",
    "silver",
    "gray",
    "grey",
    "yellow",
    "gold",
    "orange",
    "pink",
    "purple",
    "beige",
}
POSITIVE = {
    "yes", "y", "true", "t", "1", "positive", "pos", "+", "good", "approved", "approve", "accepted", "accept",
    "hired", "hire", "admitted", "admit", "selected", "granted", "pass", "passed", "paid", "repaid",
    "success", "ja", "oui", "si", "sim", "sí", "是", "通过", "批准", "有", "high", "hateful", "hate", "toxic",
    "spam", "fraud", "originated", "loan originated", "offer", "invited", "promoted", "released", "survived",
    "fully paid",
}  # fmt: skip
NEGATIVE = {
    "no", "n", "false", "f", "0", "negative", "neg", "-", "bad", "denied", "deny", "rejected", "reject",
    "declined", "failed", "fail", "unpaid", "failure", "nein", "non", "nao", "não", "否", "拒绝", "无", "low",
    "refused", "charged off", "clean", "ham", "not", "none", "-1",
}  # fmt: skip


def plain(value: str) -> str:
    """Return a value in one Unicode form, without case and accents, its separators as single spaces."""
    text = "".join(c for c in unicodedata.normalize("NFKD", value) if not unicodedata.combining(c))
    text = unicodedata.normalize("NFC", text).casefold()
    text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    spaced = " ".join(re.sub(r"(?<=\w)[-_/.](?=\D)", " ", text).split())
    return canonical(spaced)


def sensitive_values(look: Look) -> str | None:
    """Return the kind of sensitive feature that a column's values are: 'sex', 'race', ...; None for none."""
    if look.kind != "text" or not look.values or len(look.values) > 60:
        return None
    texts = {plain(v) for v in look.known}
    if {SEX_WORDS.get(t) for t in texts} >= {"male", "female"}:
        return "sex"
    if texts in SEX_LETTERS:
        return "letters"
    if texts & COLOURS:
        return None
    for kind, pattern in _GROUPS.items():
        hits = {m.group() for t in texts if (m := pattern.search(t))}
        told = sum(bool(pattern.search(t)) for t in texts)
        if len(hits) >= 2 and told >= len(texts) / 2:
            return kind
    return None


_GROUPS = {kind: re.compile(rf"(?<!\w)(?:{words})(?!\w)") for kind, words in GROUPS.items()}


def alike(values: Mapping[str, int], kind: str | None) -> dict[str, list[str]]:
    """Return values that look like one, by the most frequent of them.

    Parameters
    ----------
    values : mapping of str to int
        Rows of each value.
    kind : str, optional
        Kind of the feature: of a sex, letters and words of the same sex are alike too.
    """
    keys: dict[str, str] = {value: plain(value) for value in values}
    if kind == "sex":
        keys = {value: _sex(key, set(keys.values())) for value, key in keys.items()}
    keys = {value: _whole_word(key, keys.values()) for value, key in keys.items()}
    groups: dict[str, list[str]] = {}
    for value in sorted(values, key=lambda v: (-values[v], v)):
        groups.setdefault(keys[value], []).append(value)
    named = {_kept(same).strip(): same for same in groups.values() if len(same) > 1}
    return {name: [value for value in same if value != name] for name, same in named.items()}


def _whole_word(key: str, every: Iterable[str]) -> str:
    """The value of which this one is the singular, or which was cut off within a word, as exports do."""
    longer = {
        other for other in every
        if other.startswith(key) and other[len(key) : len(key) + 1].isalpha()
        and (other == f"{key}s" or len(key) >= LEAST_CUT)
    }  # fmt: skip
    return longer.pop() if len(longer) == 1 else key


def _kept(same: Sequence[str]) -> str:
    """The spelling to keep: the most frequent one that is written out and has no stray spaces."""
    return max(same, key=lambda v: (len(v.strip()) > 1, v == v.strip(), -list(same).index(v)))


def _sex(key: str, every: set[str]) -> str:
    """The sex that a word or letter means here: 'm' is a woman where 'h' is a man."""
    if key in SEX_WORDS:
        return SEX_WORDS[key]
    spanish = "h" in every or "hombre" in every
    letters = {
        "f": "female",
        "w": "female",
        "h": "male",
        "m": "female" if spanish and "f" not in every else "male",
    }
    letters["m"] = "female" if spanish and "f" not in every else "male"
    return letters.get(key, key)


def needs_positive(values: Sequence[str]) -> bool:
    """Whether a column of these values must be told which class is positive."""
    return not {v.lower() for v in values} <= {"0", "1", "true", "false"}


def positive_values(values: Sequence[str]) -> tuple[list[str], bool]:
    """Return the values that seem to be the positive class, and whether a word says so rather than a guess.

    Values that differ in case or spaces only are of one class.
    """
    keys = {value: plain(value) for value in values}
    numbers = sorted({k for k in keys.values() if re.fullmatch(r"-?\d+", k)}, key=int)
    if len(numbers) == len(set(keys.values())) == 2:
        # 1 is the yes of most questionnaires, of 1 and 2 as of 0 and 1; of other codes the greater is taken.
        chosen = "1" if "1" in numbers else numbers[1]
        return sorted(v for v in values if keys[v] == chosen), numbers == ["0", "1"]
    turned = [v for v in values if _NOT.match(keys[v]) and _NOT.sub("", keys[v]) in keys.values()]
    if turned:
        return sorted(v for v in values if v not in turned), True
    said = [v for v in values if _side(keys[v]) > 0]
    against = [v for v in values if _side(keys[v]) < 0]
    if said and len(said) < len(values):
        return sorted(said), True
    events = [v for v in values if names.good_or_bad(names.OUTCOME, v) == "bad"]
    if events and not said and len(events) < len(values):
        return sorted(events), True
    others = [v for v in values if v not in against]
    if against and others and len({keys[v] for v in others}) == 1:
        return sorted(others), True
    last = max(keys.values())
    return sorted(v for v in values if keys[v] == last), False


_NOT = re.compile(r"(not|non|no|un|nicht|kein) ")


def _side(key: str) -> int:
    if key.startswith((">", "≥", "above", "over", "more than")):
        return 1
    if key.startswith(("<", "≤", "below", "under", "less than")):
        return -1
    if _NOT.match(key):
        return -1
    bare = key.rstrip(".! ")
    if bare in POSITIVE or bare in NEGATIVE:
        return 1 if bare in POSITIVE else -1
    decided = names.good_or_bad(names.DECISION, key)
    if decided in ("good", "bad"):
        return 1 if decided == "good" else -1
    return 1 if names.good_or_bad(names.OUTCOME, key) == "good" else 0
