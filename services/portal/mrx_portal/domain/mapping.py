"""From proposals to answers: what a person chose of them, as rows of a draft."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mrx_shared.refusals import Invalid

from mrx_portal.domain.reviews import RELATIONS

NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A proposal that a person confirmed: how a requirement stands to a criterion."""

    criterion_id: str
    relation: str
    requirement_ref: str
    requirement_text: str


def read_choices(form: Mapping[str, str]) -> tuple[list[tuple[str, str]], list[Chosen]]:
    """The requirements of a form, and what was chosen for them; what was left alone is not."""
    requirements: list[tuple[str, str]] = []
    chosen: list[Chosen] = []
    while (number := str(len(requirements))) and f"text-{number}" in form:
        ref, text = form.get(f"ref-{number}", ""), form[f"text-{number}"]
        requirements.append((ref, text))
        chosen += [
            Chosen(
                criterion_id=name.removeprefix(f"take-{number}-"),
                relation=relation,
                requirement_ref=ref,
                requirement_text=text,
            )
            for name, relation in form.items()
            if name.startswith(f"take-{number}-") and relation in RELATIONS
        ]
    return requirements, chosen


def rows_of(chosen: Sequence[Chosen], known: Mapping[str, Mapping[str, str]]) -> list[dict[str, str]]:
    """A row for each criterion; several requirements that meet one stand in it together.

    `known` are the draft's answers: their rationale and evidence stay. Raises `Invalid` where nothing was chosen, or
    two relations for one criterion.
    """
    if not chosen:
        raise Invalid(
            "nothing is chosen", field="take", remedy="choose a relation for what your protocol meets"
        )
    rows: dict[str, list[Chosen]] = {}
    for one in chosen:
        rows.setdefault(one.criterion_id, []).append(one)
    for name, several in rows.items():
        if len({one.relation for one in several}) > 1:
            raise Invalid(
                f"{name} has two relations",
                field="take",
                remedy="choose one for all requirements that meet it together",
            )
    return [
        {
            **known.get(name, NOTHING),
            "criterion_id": name,
            "relation": several[0].relation,
            "requirement_ref": "; ".join(dict.fromkeys(one.requirement_ref for one in several)),
            "requirement_text": "\n".join(dict.fromkeys(one.requirement_text for one in several)),
        }
        for name, several in rows.items()
    ]
