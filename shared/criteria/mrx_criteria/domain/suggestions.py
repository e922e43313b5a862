"""Which criteria a requirement may meet: the words that say the same here, and how proposals are ranked.

A proposal is never an answer: a person confirms it or throws it away. A criterion is known by its statement, by words of
its clause, and by requirements of protocols that were labelled with it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mrx_shared.refusals import Faulty, Invalid

from mrx_criteria.domain.answers import Cells, plain_text
from mrx_criteria.domain.criteria import Catalogue

MOST = 5
REQUIREMENT_COLUMNS = ("requirement_ref", "requirement_text")
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
SAME = (
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
"""Words that say the same in this field; the first stands for all."""

_CANON = {word: same[0] for same in SAME for word in same}
_WORD = re.compile(r"[a-z0-9]+")
_ENDINGS = ("ings", "ing", "ies", "ers", "ed", "es", "s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A criterion that a requirement may meet, for a person to confirm or throw away."""

    requirement_ref: str
    requirement_text: str
    criterion_id: str
    similarity: float


def read_requirements(rows: Iterable[tuple[int, Cells]]) -> tuple[tuple[str, str], ...]:
    """Reference and text of each numbered row that has a text. Raises `Faulty` with every fault."""
    found: list[tuple[str, str]] = []
    faults: list[Invalid] = []
    for row, cells in rows:
        if isinstance(cells, Invalid):
            faults.append(cells)
            continue
        try:
            ref, text = (
                plain_text(cells.get(column, ""), field=column, row=row) for column in REQUIREMENT_COLUMNS
            )
        except Invalid as fault:
            faults.append(fault)
        else:
            if text:
                found.append((ref, text))
    if faults:
        raise Faulty(faults)
    return tuple(found)


def known_by(catalogue: Catalogue, phrasings: Iterable[tuple[str, str]]) -> list[str]:
    """All that each criterion of a catalogue is known by, as one text of plain words, in the catalogue's order."""
    said = {one.id: [one.statement, _CLAUSES.get(one.clause, "")] for one in catalogue.criteria}
    for criterion_id, text in phrasings:
        if criterion_id in said:
            said[criterion_id].append(text)
    return [" ".join(plain_words(" ".join(parts))) for parts in said.values()]


def ranked(
    requirements: Sequence[tuple[str, str]],
    similar: Iterable[Sequence[float]],
    catalogue: Catalogue,
    *,
    most: int = MOST,
) -> tuple[Suggestion, ...]:
    """At most so many criteria for each requirement, the likeliest first, ties by the catalogue's order.

    `similar` holds a row for each requirement, with how similar it is to each criterion.
    """
    found: list[Suggestion] = []
    for (ref, text), row in zip(requirements, similar, strict=True):
        likeliest = sorted(range(len(row)), key=lambda place: (-row[place], place))[:most]
        found += [
            Suggestion(
                requirement_ref=ref,
                requirement_text=text,
                criterion_id=catalogue.criteria[place].id,
                similarity=round(float(row[place]), 4),
            )
            for place in likeliest
            if row[place] >= LEAST
        ]
    return tuple(found)


def plain_words(text: str) -> list[str]:
    """The text's words without endings, one word for all that say the same."""
    return [_stem(word) for word in _WORD.findall(text.lower())]


def _stem(word: str) -> str:
    if word in _CANON:
        return _CANON[word]
    for ending in ("s", "es"):
        if word.removesuffix(ending) in _CANON:
            return _CANON[word.removesuffix(ending)]
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) > 3:  # noqa: PLR2004 - shorter roots are other words
            root = word.removesuffix(ending) + ("y" if ending == "ies" else "")
            return _CANON.get(root, root)
    return word
