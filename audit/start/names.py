"""What a column's name says: its words, and what they mean in this field, in several languages."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

SENSITIVE = {
    "sex": r"sex|sexe|sexo|sesso|gender\w*|genero|genere|geschlecht\w*|female|male|woman|women|transgender|"
    r"pronouns?|cinsiyet|plec|sukupuoli|kjonn|性别|性別|성별|пол",
    "race": r"races?|racial|raza|raca|razza|rasse|black|white|asian|caucasian|nonwhite|minority|indigenous|"
    r"aboriginal|caste|tribe|种族|人种|인종",
    "ethnicity": r"ethn\w*|etni\w*|hispanics?|hisp|latin[oax]|ancestry|民族",
    "age": r"ages?|aged|agep|agegroup|agegrp|agecat|ageband|alter|altersgruppe|altersklasse|lebensalter|edad|"
    r"idade|eta|leeftijd|alder|wiek|年龄|年齡|年齢|나이|возраст",
    "birth": r"dob|birth\w*|born|geburt\w*|naissance|nacimiento|nascita|nascimento|出生\w*|生日|생년월일",
    "nationality": r"nationalit\w*|citizen\w*|staatsangeh\w*|staatsburger\w*|nacionalidad\w*|nazionalita|"
    r"immigrants?|immigration|migrant|migration\w*|auslander|nativity|pobp|国籍|國籍|국적|foreigner",
    "religion": r"religio\w*|relig|faith|creed|konfession|宗教|종교",
    "disability": r"disab\w*|handicap\w*|(schwer)?behinder\w*|discapaci\w*|wheelchair|残疾|障害|장애",
    "family": r"marital|marriage|married|familienstand|matrimon\w*|pregnan\w*|maternity|schwanger\w*|婚姻\w*",
    "orientation": r"lgbt\w*",
    "veteran": r"veterans?",
    "group": r"identity|ident|subgroup|demographic\w*|protected|sensitive",
}
"""Words of sensitive features, by kind; each must match a whole word of the name."""
PHRASES = {
    "nationality": (
        "national origin", "country of birth", "native country", "birth country", "foreign worker",
        "foreign born", "country of origin", "ethnic origin", "pais de nacimiento",
    ),
    "family": (
        "civil status", "estado civil", "etat civil", "stato civile", "personal status", "family status",
    ),
    "orientation": ("sexual orientation", "sexual preference"),
    "birth": ("date of birth", "year of birth"),
}  # fmt: skip
"""Words that say it only together."""
WHOLE = {"mar": "family", "rac1p": "race", "agep": "age", "dis": "disability", "cit": "nationality"}
"""Names of census tables that say it only alone."""
MEASURE = re.compile(
    r"pct|percent\w*|prct|share|rate|ratio|num|numb|number|cnt|avg|average|mean|median|total|sum|per|prop|std|"
    r"colou?r|days|hours|time|distance|laps?|speed|interval|difference|change"
)
"""Words of a measure of many people or of something else: no feature of the row's person."""
THING = re.compile(
    r"vehicle|car|auto|account|property|building|house|home|loan|credit|device|policy|company|firm|business|"
    r"machine|engine|mileage|listing|tenure|job|claim|test|debt"
)
"""Things that have an age of their own."""
OTHERS = re.compile(
    r"co|coapplicant|spouse|partner|observed|officer|interviewer|manager|mother|father|parent|cat"
)
"""Words of another person, or of another way to say the same."""

LABEL = re.compile(
    r"labels?|label\w*|targets?|outcomes?|truth|gold|actual|observed|true|class|target\w*|etiquette|etiqueta|"
    r"zielvariable|cible|objetivo|标签|標籤|目标|结果|정답|라벨"
)
LABEL_WHOLE = {"y true", "ground truth", "two year recid", "default payment", "pincp", "income", "repaid"}
LABEL_EXACT = {"y", "label", "target", "outcome", "class", "标签"}
OUTCOME = re.compile(
    r"(?P<bad>recid\w*|reoffend\w*|rearrest\w*|default(ed|s)?|mortality|died|death|dead|deceased|readmi\w*|churn\w*|"
    r"fraud\w*|diseased?|toxic\w*|hate\w*|hateful|spam|attrition|delinquen\w*|stroke|cancer|dropout|noshow|"
    r"relapse\w*|complications?|bad|ausfall|impago|违约|loss|failed|failures?|unpaid|arrest\w*|convict\w*|"
    r"bankrupt\w*|chargeoff|chargedoff|lapsed?|violat\w*|misconduct|adverse|abusive|terminat\w*|fired|layoff)|"
    r"(?P<good>repaid|repay\w*|paid|surviv\w*|pass|passed|graduat\w*|success\w*|subscri\w*|performed|good|employed|"
    r"shows?|showed|attended|retained|favou?rable|"
    r"recovered|completed|qualified|pago|pagado|paye|bezahlt|zuruckgezahlt|还款)|(?P<open>income|salary|diagnos\w*|deposit|event|heart|response|credit|performance)"
)
DECISION = re.compile(
    r"(?P<bad>denied|denial|deny|reject\w*|declin\w*|refus\w*|flag(ged)?|detain\w*|detention|stopped|searched|"
    r"abgelehnt|ablehn\w*|rechaz\w*|rejeit\w*|negad[oa]|dismiss\w*|expel\w*|expulsion|suspen\w*|blocked|banned|"
    r"revoked|evict\w*|penali[sz]\w*|withheld|waitlist\w*|拒绝|拒|驳回|淘汰)|"
    r"(?P<good>approv\w*|accept\w*|admit\w*|admission\w*|hire|hired|hiring|shortlist\w*|granted?|offer(ed)?|invited|"
    r"eligib\w*|promoted|released?|select(ed|ion)?|genehmigt|bewilligt|eingestellt|aprobad[oa]|aprovad[oa]|accepte|embauche|"
    r"录用|批准|通过)|(?P<open>decision\w*|decided|decid\w*|pred|preds|predicted|prediction|predictions|predict\w*|"
    r"yhat|hat|action|entscheid\w*|decisao|决定|预测\w*|판정|verdict)"
)
SCORE = re.compile(
    r"scores?|prob|probs|proba|probability|probabilities|phat|likelihood|logits?|confidence|risk|pd|"
    r"propensity|wahrscheinlichkeit|puntuacion|puntaje|punteggio|概率|分数|得分|점수|확률|rating"
)
PREDICTED = re.compile(r"pred|preds|predicted|prediction|predictions|predict\w*|yhat|hat|model|score|prob\w*")
BAD_SCORE = re.compile(r"risk|pd|loss|failure|违约\w*|denial")
GOOD_SCORE = re.compile(r"credit|fico|gpa|aptitude|grade|skill|merit|quality")

ID = re.compile(r"id|ids|uuid|guid|key|identifier|serialno|kennung|编号|번호|rowid|caseid")
UNIT = re.compile(
    r"person|people|patient|subject|customer|client|applicant|user|household|family|student|employee|candidate|"
    r"borrower|member|document|query|question|case|serialno|kunde\w*|patient\w*|kunden\w*|cluster|author|speaker"
)
WEIGHT = re.compile(r"weights?|wgt|wt|pwgtp|gewicht\w*|poids|peso|pesos|权重|加权|가중치")
WEIGHT_OF_ROWS = re.compile(
    r"sample|survey|person|row|case|frequency|design|sampling|instance|hochrechnung\w*"
)
BODY = re.compile(r"kg|lb|lbs|body|birth\w*|height|bmi|cm|vehicle|gross|net")
COUNT = re.compile(r"n|count|counts|freq|frequency|rows|cnt|anzahl|nombre|numero|total|数量|人数|件数|빈도")
SPLIT = re.compile(r"split|fold|set|partition|subset|usage|dataset")
PROXY = re.compile(
    r"zip\w*|postal\w*|postcode\w*|plz|postleitzahl|neighbou?rhood|district|borough|county|tract|address|street|"
    r"language|languages|sprache|langue|idioma|surname|lastname|firstname|forename|school|college|country|"
    r"relationship|relp|name|occupation|邮编|姓名|语言|地址|region"
)
PERSONAL = re.compile(
    r"email|e?mail|phone|telephone|ssn|passport|iban|name|surname|firstname|lastname|姓名|电话"
)
TOLD_COUNTS = ({"tp", "fp", "fn", "tn"}, {"applicants", "selected"})
"""Names of a table that holds several counts per row."""


@lru_cache(maxsize=8192)
def split_name(name: str) -> tuple[str, ...]:
    """Return the words of a column name: at case, digits, spaces and punctuation, without accents.

    ``Race/Ethnicity`` has two, ``AGE_YEARS``, ``SexCode`` and ``género`` too or one.
    """
    plain = "".join(c for c in unicodedata.normalize("NFKD", name[:500]) if not unicodedata.combining(c))
    plain = unicodedata.normalize("NFC", plain)
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return tuple(re.findall(r"[^\W\d_]+|\d+", parts.casefold()))


def has(pattern: re.Pattern[str], name: str) -> bool:
    """Whether a word of the name is one of these; Chinese, Japanese and Korean words stand without spaces."""
    return any(pattern.fullmatch(word) or _within(pattern, word) for word in split_name(name))


def _within(pattern: re.Pattern[str], word: str) -> bool:
    found = pattern.search(word) if not word.isascii() else None
    return found is not None and not found.group().isascii()


def joined(name: str) -> str:
    """Return the words of a name with spaces between them."""
    return " ".join(split_name(name))


def sensitive_kind(name: str) -> str | None:
    """Return which kind of sensitive feature a name speaks of: 'sex', 'race', 'age', ...; None for none."""
    whole = joined(name)
    if (fused := whole.replace(" ", "")) in WHOLE:
        return WHOLE[fused]
    words = split_name(name)
    if any(MEASURE.fullmatch(word) or "pct" in word for word in words):
        return None
    for of, phrases in PHRASES.items():
        if any(re.search(rf"\b{phrase}\b", whole) for phrase in phrases):
            return of
    kind = next((k for k, p in _SENSITIVE.items() if has(p, name)), None)
    if kind == "age" and any(THING.fullmatch(word) for word in words):
        return None
    return kind


_SENSITIVE = {kind: re.compile(words) for kind, words in SENSITIVE.items()}


def good_or_bad(pattern: re.Pattern[str], name: str) -> str | None:
    """Return 'good', 'bad' or 'open' for a name with an outcome's or a decision's word; None without one.

    A word of negation turns it: ``not_hired``, ``unpaid``, ``score_of_non_approval``, ``未录用``.
    """
    words = split_name(name)
    found, turned = [], any(_NEGATION.fullmatch(word) for word in words)
    for word in words:
        match = pattern.fullmatch(word) or (pattern.search(word) if not word.isascii() else None)
        if match is None and (inner := _NEGATED.fullmatch(word)) and (match := pattern.fullmatch(inner[1])):
            turned = True
        turned |= match is not None and not word.isascii() and bool(_NEGATION_WITHIN.search(word))
        found += [match] if match else []
    kinds = [next(k for k, text in m.groupdict().items() if text is not None) for m in found]
    if not kinds:
        return None
    kind = "bad" if "bad" in kinds else "good" if "good" in kinds else "open"
    return {"bad": "good", "good": "bad"}[kind] if turned and kind != "open" else kind


_NEGATION = re.compile(r"not|no|non|never|un|without|lack|nicht|kein\w*|sin|sans|nao|pas|false|neg|negative")
_NEGATED = re.compile(r"(?:un|non|not|dis|in|no)(\w{4,})")
_NEGATION_WITHIN = re.compile("未|不|没|非|無|无")
"""Of the words of Chinese and Japanese, which stand without spaces."""
OTHER_CLASS = re.compile(r"0|neg|negative|false")
"""Words of the other class in the name of a score: ``proba_0`` is high where class 1 is unlikely."""
HELPED = re.compile(
    r"mortality|died|death|dead|deceased|readmi\w*|churn\w*|diseased?|attrition|stroke|cancer|dropout|noshow|relapse\w*|"
    r"complications?|failed|failures?|fail|toxic\w*|hate\w*|hateful|spam|shows?|loss|pass|passed"
)
"""Bad outcomes that are foreseen to prevent them (a patient is cared for), or that befall others."""


def score_meaning(name: str) -> str | None:
    """Whether a high score is 'good' or 'bad', by its name; None where no word tells."""
    for pattern in (OUTCOME, DECISION):
        told = good_or_bad(pattern, name)
        if told in ("good", "bad"):
            return told
    if has(BAD_SCORE, name):
        return "bad"
    return "good" if has(GOOD_SCORE, name) else None


def other_class(name: str) -> bool:
    """Whether a score is by its name that of the other class: ``proba_0``."""
    last = split_name(name)[-1:]
    return bool(last and OTHER_CLASS.fullmatch(last[0]))


def may_be_help(name: str) -> bool:
    """Whether those whom such a name picks out may be picked out to be helped."""
    return has(HELPED, name)
