"""Which criteria a protocol's requirements may meet: proposals by text similarity, for a person to confirm.

A proposal is never an answer. Nothing here is sent anywhere, and the same texts give the same proposals.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mrx_benchmark.domain.criteria import Catalogue

MOST = 5
LEAST = 0.02

_CLAUSES = {
    "0": "management system policy code responsible training",
    "0A": "human rights policy stakeholders grievance remedy",
    "0B": "management system code implementation policy procedures licence",
    "1": "forced labour freely chosen employment bonded prison trafficking passport deposit recruitment",
    "2": "freedom of association union collective bargaining workers representatives",
    "3": "health safety fire machine chemical accident building",
    "4": "child labour young worker age minimum",
    "5": "wage pay benefit deduction payslip living",
    "6": "working hours overtime rest day week",
    "7": "discrimination equal treatment gender pregnancy",
    "8": "regular employment contract agency temporary",
    "8A": "subcontracting homeworker outsourcing",
    "9": "harsh inhumane treatment harassment abuse discipline",
    "10A": "entitlement to work immigration permit migrant",
    "10B2": "environment permit law",
    "10B4": "environment waste water energy emission chemical",
    "10C": "business ethics bribery corruption gift data",
    "11": "community benefit neighbours local",
}
# Words that say the same in this field; the first stands for all.
_SAME = (
    ("worker", "employee", "staff", "personnel", "labourer", "operative", "workforce"),
    ("pay", "wage", "salary", "remuneration", "payment", "earnings"),
    ("housing", "dormitory", "accommodation", "residence", "hostel"),
    ("child", "minor", "juvenile", "underage", "kid"),
    ("union", "association"),
    ("bribe", "corruption", "kickback", "corrupt"),
    ("subcontractor", "outsource", "outsourced", "outsourcing", "contracting"),
    ("grievance", "complaint", "complain", "whistleblowing", "hotline", "concern"),
    ("exit", "evacuation", "escape", "egress"),
    ("toilet", "sanitary", "washroom", "latrine", "restroom", "canteen"),
    ("protective", "ppe", "gloves", "goggles"),
    ("emission", "air", "chimney", "stack"),
    ("waste", "effluent", "wastewater", "refuse", "rubbish"),
    ("energy", "electricity", "fuel", "carbon", "co2", "greenhouse"),
    ("harassment", "bullying", "abuse", "violence", "intimidation"),
    ("permit", "licence", "license", "authorisation", "visa"),
    ("supplier", "vendor"),
    ("fee", "charge", "commission"),
    ("holiday", "leave", "vacation"),
    ("machine", "equipment", "machinery", "guarding"),
    ("chemical", "hazardous", "solvent", "substance"),
    ("audit", "auditor", "inspection"),
    ("community", "neighbour", "resident", "villager", "local"),
    ("contract", "agreement", "terms"),
    ("overtime", "hours"),
    ("passport", "identity", "papers"),
    ("discrimination", "equal", "discriminated", "bias"),
    ("union", "steward"),
    ("medical", "aid", "clinic", "injury", "accident"),
    ("electrical", "wiring", "cable"),
    ("building", "structural", "structure", "floor"),
)
_CANON = {word: same[0] for same in _SAME for word in same}
_WORD = re.compile(r"[a-z0-9]+")
_ENDINGS = ("ings", "ing", "ies", "ers", "ed", "es", "s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A criterion that a requirement may meet, for a person to confirm or throw away."""

    requirement_ref: str
    requirement_text: str
    criterion_id: str
    similarity: float


def suggest(
    requirements: Sequence[tuple[str, str]], catalogue: Catalogue, *, most: int = MOST
) -> tuple[Suggestion, ...]:
    """At most so many criteria for each requirement, the likeliest first, ties by the catalogue's order."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - a second that only this pays
    from sklearn.pipeline import make_union  # noqa: PLC0415

    if not requirements:
        return ()
    texts = [
        " ".join(_words(f"{one.statement} {_CLAUSES.get(one.clause, '')}")) for one in catalogue.criteria
    ]
    weigh = make_union(
        TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), stop_words="english"),
        TfidfVectorizer(sublinear_tf=True, analyzer="char_wb", ngram_range=(3, 5)),
    )
    criteria = weigh.fit_transform(texts)
    asked = weigh.transform([" ".join(_words(text)) for _, text in requirements])
    similar = (asked @ criteria.T).toarray() / 2
    found: list[Suggestion] = []
    for (ref, text), row in zip(requirements, similar, strict=True):
        ranked = sorted(range(len(row)), key=lambda place: (-row[place], place))[:most]
        found += [
            Suggestion(
                requirement_ref=ref,
                requirement_text=text,
                criterion_id=catalogue.criteria[place].id,
                similarity=round(float(row[place]), 4),
            )
            for place in ranked
            if row[place] >= LEAST
        ]
    return tuple(found)


def _words(text: str) -> list[str]:
    return [_stem(word) for word in _WORD.findall(text.lower())]


def _stem(word: str) -> str:
    if word in _CANON:
        return _CANON[word]
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) > 3:  # noqa: PLR2004 - shorter roots are other words
            root = word.removesuffix(ending) + ("y" if ending == "ies" else "")
            return _CANON.get(root, root)
    return word
