"""The shipped catalogues are what the scheme says; a catalogue of one's own is checked field by field."""

import json
import re
from pathlib import Path

import pytest
from mrx_criteria.domain.criteria import CREDITS, Kind, Relation
from mrx_criteria.files import catalogue_file, shipped_catalogue, shipped_versions
from mrx_shared.refusals import Invalid

EVERYWHERE = ["1", "2", "3", "4", "5", "6", "7", "8", "8A", "9", "10A"]
CLAUSES = {
    "5.0-2p": ["0", *EVERYWHERE, "10B2", "11"],
    "5.0-4p": ["0", *EVERYWHERE, "10B4", "10C", "11"],
    "6.0-2p": ["0A", "0B", *EVERYWHERE, "10B2", "11"],
    "6.0-4p": ["0A", "0B", *EVERYWHERE, "10B4", "10C", "11"],
    "6.1-2p": ["0A", "0B", *EVERYWHERE, "10B2", "11"],
    "6.1-4p": ["0A", "0B", *EVERYWHERE, "10B4", "10C", "11"],
    "7.0": ["0A", "0B", *EVERYWHERE, "10B4", "10C", "11"],
}
OWN = """\
version: 7.10
based_on: our own
valid_from: 2026-01-01
valid_until: null
gate: 84.5
credits: {subset: 0.6}
criteria:
  - {id: A.1, clause: 1, pillar: labour, statement: Nobody is forced., essential: yes, weight: 3, kind: requirement}
  - {id: A.2, clause: 2, pillar: labour, statement: Anyone may join., essential: false, weight: 1, kind: audit process}
"""


def test_the_shipped_versions_are_those_of_the_scheme_so_far() -> None:
    assert list(shipped_versions()) == list(CLAUSES)


@pytest.mark.parametrize("version", CLAUSES)
def test_a_shipped_catalogue_has_every_clause_of_its_version(version: str) -> None:
    criteria = shipped_catalogue(version).criteria
    found = [one.clause for one in criteria]
    assert list(dict.fromkeys(found)) == CLAUSES[version]
    assert all(found.count(clause) >= 3 for clause in CLAUSES[version])


@pytest.mark.parametrize("version", CLAUSES)
def test_every_criterion_says_something_of_its_own_and_weighs_by_what_it_is(version: str) -> None:
    criteria = shipped_catalogue(version).criteria
    assert sum(one.weight for one in criteria) >= 2_500
    weights = {
        (False, Kind.AUDIT_PROCESS): {20},
        (False, Kind.MANAGEMENT_SYSTEM): {30},
        (False, Kind.REQUIREMENT): {40},
        (True, Kind.MANAGEMENT_SYSTEM): {60},
        (True, Kind.REQUIREMENT): {80, 120},
    }
    for one in criteria:
        assert one.weight in ({1} if one.clause == "11" else weights[one.essential, one.kind]), one.id
    sentences = [part for one in criteria for part in re.split(r"(?<=[.;]) ", one.statement)]
    assert len(set(sentences)) == len(sentences)


def test_only_a_four_pillar_catalogue_has_the_pillars_environment_and_business_ethics() -> None:
    two = {"labour", "health-and-safety"}
    for version in CLAUSES:
        pillars = {one.pillar for one in shipped_catalogue(version).criteria}
        assert pillars == (two if version.endswith("2p") else two | {"environment", "business-ethics"})


def test_there_are_enough_criteria_and_the_newest_grades_a_management_system_in_every_area() -> None:
    assert min(len(shipped_catalogue(one).criteria) for one in ("6.1-2p", "6.1-4p")) >= 60
    newest = shipped_catalogue("7.0")
    assert len(newest.criteria) >= 110
    graded = [one for one in newest.criteria if one.id.endswith(".MS")]
    assert {one.clause for one in graded} == newest.clauses
    assert {one.kind for one in graded} == {Kind.MANAGEMENT_SYSTEM}


def test_published_criteria_read_as_they_were_published() -> None:
    was = {
        "5.0-2p": "83108822c2e5",
        "5.0-4p": "3da892c26bd7",
        "6.0-2p": "7532892c79d6",
        "6.0-4p": "9b55cbba31ca",
    }
    assert {version: shipped_catalogue(version).digest()[:12] for version in was} == was


def test_a_version_ends_with_the_transition_to_the_next_one() -> None:
    assert str(shipped_catalogue("5.0-4p").valid_until) == "2018-05-31"
    assert shipped_catalogue("6.0-4p").valid_until is None


@pytest.mark.parametrize("version", CLAUSES)
def test_a_printed_catalogue_is_a_catalogue_file(version: str, tmp_path: Path) -> None:
    printed = tmp_path / "printed.yaml"
    printed.write_text(json.dumps(shipped_catalogue(version).document()), encoding="utf-8")
    assert catalogue_file(printed) == shipped_catalogue(version)


def test_an_own_catalogue_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN, encoding="utf-8")
    own = catalogue_file(path)
    assert own.version == "7.10"  # a number would have lost the nought
    assert str(own.gate) == "169/2"
    assert own.credits == {**CREDITS, Relation.SUBSET: CREDITS[Relation.EQUAL] * 3 / 5}
    assert [one.kind for one in own.criteria] == ["requirement", "audit-process"]


@pytest.mark.parametrize(
    ("was", "becomes", "named"),
    [
        ("weight: 3", "weight: 3.5", "own.yaml: criterion A.1.*weight"),
        ("weight: 3", "weight: 0", "own.yaml: criterion A.1.*weight"),
        ("weight: 3", "weight: [3]", "own.yaml: criterion A.1.*weight"),
        ("weight: 3, ", "", "own.yaml: criterion number 1.*weight"),
        ("essential: yes", "essential: perhaps", "own.yaml: criterion A.1.*essential"),
        ("kind: requirement", "kind: wish", "own.yaml: criterion A.1.*kind"),
        ("statement: Nobody is forced.", 'statement: ""', "own.yaml: criterion A.1.*statement"),
        ("statement: Nobody is forced.", 'statement: "a\\u0007"', "own.yaml: criterion A.1.*statement"),
        ("id: A.2", "id: A.1", "own.yaml: .*A.1 is listed twice.*id"),
        ("id: A.2", "id: =A", "own.yaml: criterion number 2.*id"),
        ("statement: Nobody is forced.", "statement: null", "own.yaml: criterion A.1.*statement"),
        ("clause: 1", "clause: 10B2", None),
        ("clause: 1", "clause: 10B2, extra: 1", "own.yaml: criterion number 1.*extra"),
        ("valid_until: null", "valid_until: 2025-01-01", "own.yaml: .*valid_until"),
        ("valid_from: 2026-01-01", "valid_from: 1 Jan 2026", "own.yaml.*valid_from"),
        ("valid_from: 2026-01-01", "valid_from: 20260101", "own.yaml.*valid_from"),
        ("valid_from: 2026-01-01", "valid_from: 2026-W01-1", "own.yaml.*valid_from"),
        ("gate: 84.5", "gate: 101", "own.yaml.*gate"),
        ("gate: 84.5", "gate: 8e1", "own.yaml.*gate"),
        ("gate: 84.5", "gate: essential", None),
        ("gate: 84.5", "gate: 84.5\nfloors: {labour: 200}", "own.yaml: floors.*labour"),
        ("gate: 84.5", "gate: 84.5\nfloors: {ethics: 20}", "own.yaml: .*floors"),
        ("gate: 84.5", "gate: 84.5\nfloors: {labour: 20}", None),
        ("gate: 84.5", "gate: essential\nfloors: {labour: 20}", "own.yaml: .*floors"),
        ("gate: 84.5", "gate: 84.5\nreviewers: 1", "own.yaml.*reviewers"),
        ("subset: 0.6", "equal: 0.8, superset: 0.8", "own.yaml: .*credits"),
        ("subset: 0.6", "equal: 0.8", None),
        ("subset: 0.6", "subset: 2", "own.yaml: credits.*subset"),
        ("subset: 0.6", "partly: 0.6", "own.yaml: credits.*partly"),
        (
            "version: 7.10",
            "version: 7.10\nversion: 7.11",
            "own.yaml is not readable as YAML: a field that stands twice",
        ),
        ("version: 7.10", "version: 7.10\nincludes: [1]", "own.yaml.*includes"),
        ("criteria:", "criteria: {", "own.yaml is not readable"),
    ],
)
def test_a_fault_names_file_criterion_and_field(
    was: str, becomes: str, named: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "own.yaml"
    assert was in OWN
    path.write_text(OWN.replace(was, becomes, 1), encoding="utf-8")
    if named is None:
        assert catalogue_file(path).criteria
        return
    place, _, field = named.partition(".*")
    with pytest.raises(Invalid, match=place) as caught:
        catalogue_file(path)
    assert caught.value.remedy
    assert field.rpartition(".*")[2] in f"{caught.value.reason} {caught.value.field}"


@pytest.mark.parametrize("short", ["10B2", "10b2"])
def test_the_short_and_the_full_environment_clause_exclude_each_other(short: str, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        OWN.replace("clause: 1", f"clause: {short}").replace("clause: 2", "clause: 10B4"), "utf-8"
    )
    with pytest.raises(Invalid, match="10B2 and 10B4 exclude each other"):
        catalogue_file(path)


def test_a_catalogue_that_is_not_in_utf_8_is_to_be_saved_as_a_text(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_bytes(OWN.replace("Nobody", "Keineswegs übel").encode("cp1252"))
    with pytest.raises(Invalid, match="not in UTF-8") as caught:
        catalogue_file(path)
    assert caught.value.remedy == "save it again in UTF-8"


def test_a_digest_tells_what_is_measured_and_not_how_long(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    digests = []
    for text in (OWN, OWN.replace("null", "2027-01-01"), OWN.replace("weight: 3", "weight: 4")):
        path.write_text(text, encoding="utf-8")
        digests.append(catalogue_file(path).digest())
    assert digests[0] == digests[1] != digests[2]
