"""Who takes part in a demo, and the lists: invented from a seed, or read from a folder of CSV files."""

import csv
import random
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

from mrx_matching.generator import (
    STYLES,
    Fault,
    ProtocolChoice,
    generate,
    suppliers,
    write_list,
    write_suppliers,
)
from mrx_shared.messages.lists import COLUMNS
from mrx_shared.refusals import Invalid, counted
from mrx_shared.wording import check_no_links, one_line

from mrx_local.demo.members import MEMBERS, Actor, members
from mrx_local.state_files import slug

LONGEST_NAME = 200
"""so many characters the registry takes as a member's name"""
LEAST_GROUPS = 5
"""so many independent groups the release policy asks for"""
AS_OF = date(2026, 6, 30)
SUPPLIERS, FEWEST_SUPPLIERS = 300, 60
ROWS = 8200
ALIKE = 750
"""lists of up to so many rows share as many sites as the generator has it by default"""
MOST_A_SITE, SHARED_LESS = 3, 1280
"""longer lists share more: a site has 3 rows less 1280 for each row of an average list"""

PUBLIC = "SMETA"
PUBLIC_VERSIONS = (("6.1", date(2019, 5, 1), date(2024, 12, 31)), ("7.0", date(2024, 9, 10), None))
"""version, first and last day; source: Sedex on the versions of SMETA"""
OWN_FROM = date(2020, 1, 1)

DRAWN_FROM = ("parent_group", "company", "site_name", "address", "district", "province", "country")
"""the columns of a given list that decide its rows' audit dates and protocols, with the seed"""
TAKEN = {
    "site_name": "site_name",
    "address": "address",
    "district": "city",
    "province": "region",
    "country": "country",
}
_LINE_BREAKS = re.compile(r"[\r\n\t]+")
AUDIT_TYPES = ("Full Initial", "Periodic", "Full Follow-up")
NOTICES = ("Announced", "Semi-announced", "Unannounced")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRow:
    """One row as sent: values by column, the true site where it is known, the planted fault if any."""

    values: Mapping[str, str]
    site: str | None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SentList:
    """One member's list, and the file that it publishes."""

    member: str
    rows: Sequence[SentRow]
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """A supplier of the checking member, and where it was drawn from."""

    ref: str
    own: bool
    """from the member's own list"""
    surely_not_ours: bool
    """from a site that is not on the member's own list, as the truth has it"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """All that a demo starts from."""

    actors: Sequence[Actor]
    lists: Sequence[SentList]
    checking: str
    """the member that checks its suppliers"""
    suppliers: Path
    drawn: Sequence[Supplier]
    """what is known of each of the suppliers"""
    notes: Sequence[str]
    truth: str
    """what the matching is measured against"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """What must not change a byte of the released list."""

    page_rows: int = 500
    reversed_arrival: bool = False
    exchanged: bool = False
    """two members send each other's lists, wholesale"""
    style_shift: int = 0
    """every list in the style that is so many places further"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is invented. `sites` are roughly so many; by default, longer lists share more of them."""

    members: int = MEMBERS
    rows: int = ROWS
    sites: int | None = None


def sites_of(rows: int, lists: int) -> int | None:
    """About how many sites so many rows are about; None leaves it to the generator."""
    if rows <= ALIKE * lists:
        return None
    return round(rows / (MOST_A_SITE - SHARED_LESS * lists / rows))


def invent(
    seed: int, folder: Path, work: Path, *, size: Size | None = None, variation: Variation | None = None
) -> Scenario:
    """Members and their lists from a seed; the same seed and size give the same bytes. Raises `Invalid` for sizes.

    The lists go into `folder`, the supplier base into `work`.
    """
    size = size or Size()
    vary = variation or Variation()
    actors = members(size.members)
    signing = [actor for actor in actors if not actor.falls_short]
    checking = signing[0].name
    try:
        world = generate(
            seed,
            members=[actor.name for actor in signing],
            rows_total=size.rows,
            as_of=AS_OF,
            protocols={actor.name: _choices(actor) for actor in signing},
            sites_about=size.sites or sites_of(size.rows, len(signing)),
        )
        known = len({row.site for row in world.lists[0].rows if row.fault is None})
        base = suppliers(seed, world, checking, count=max(FEWEST_SUPPLIERS, min(SUPPLIERS, 2 * known)))
    except ValueError as unfit:
        raise Invalid(
            f"such lists cannot be invented: {unfit}",
            field="rows",
            remedy="ask for more rows, for fewer members, or for another number of sites",
        ) from None
    lists = [
        SentList(
            member=one.member,
            rows=[SentRow(values=row.values, site=row.site, fault=row.fault) for row in one.rows],
            path=write_list(
                one.rows, folder / slug(one.member), STYLES[(place + vary.style_shift) % len(STYLES)]
            ),
        )
        for place, one in enumerate(world.lists)
    ]
    if vary.exchanged:
        first, second = lists[-1], lists[-2]
        lists[-2:] = [replace(first, member=second.member), replace(second, member=first.member)]
    if vary.reversed_arrival:
        lists.reverse()
    write_suppliers(base, work / "suppliers.csv")
    return Scenario(
        actors=actors,
        lists=lists,
        checking=checking,
        suppliers=work / "suppliers.csv",
        drawn=[
            Supplier(ref=one.values["supplier_ref"], own=one.own, surely_not_ours=not one.own) for one in base
        ],
        notes=[],
        truth="the generator's sites",
    )


def _choices(actor: Actor) -> list[ProtocolChoice]:
    public = [
        ProtocolChoice(
            protocol=PUBLIC,
            version=version,
            recognised_from=first,
            recognised_until=last + timedelta(days=1) if last else None,
        )
        for version, first, last in PUBLIC_VERSIONS
    ]
    if actor.protocol is None:
        return public
    own = ProtocolChoice(
        protocol=actor.protocol.code, version=actor.protocol.version, recognised_from=OWN_FROM, weight=2
    )
    return [own, *public]


def read_given(seed: int, given: Path, folder: Path, work: Path) -> Scenario:
    """A member for each CSV file in `given`; all are equivalent and signed. Raises `Invalid` for what cannot be read.

    Audit dates and protocols are drawn from the seed and each row's own content; identifiers stay empty.
    """
    found = given.iterdir() if given.is_dir() else ()
    files = sorted(path for path in found if path.suffix.lower() == ".csv" and path.is_file())
    if not files:
        raise Invalid(
            f"{given} holds no CSV file", field="LISTS", remedy="name a folder with one file a member"
        )
    if len(files) < LEAST_GROUPS:
        raise Invalid(
            f"{given} holds {counted(len(files), 'list', 'lists')}, and a release needs {LEAST_GROUPS} independent groups",
            field="LISTS",
            remedy=f"add lists until there are {LEAST_GROUPS}",
        )
    names = [_member_name(path) for path in files]
    folded = [unicodedata.normalize("NFKC", name).casefold() for name in names]
    if len(set(folded)) < len(folded):
        raise Invalid(
            "two files have the same name but for case, blanks or the way in which letters are written",
            field="LISTS",
            remedy="rename one of them",
        )
    notes = [
        "audit dates and protocols are drawn from the seed and each row's content; identifiers stay empty"
    ]
    lists = []
    for path, name in zip(files, names, strict=True):
        rows, ignored = _given_rows(seed, path)
        if ignored:
            notes.append(f"{path.name}: ignored {', '.join(ignored)}")
        target = folder / f"{path.stem}.csv"
        _write_plain(target, COLUMNS, [row.values for row in rows])
        lists.append(SentList(member=name, rows=rows, path=target))
    return Scenario(
        actors=[Actor(name=one.member, group=one.member) for one in lists],
        lists=lists,
        checking=lists[0].member,
        suppliers=work / "suppliers.csv",
        drawn=_draw_base(seed, lists, work / "suppliers.csv"),
        notes=notes,
        truth="uml_id" if sum(any(row.site for row in one.rows) for one in lists) > 1 else "",
    )


def _member_name(path: Path) -> str:
    """The name of the member whose list a file is: the file's, as the registry takes names."""
    try:
        name = one_line(path.stem, field="LISTS", most=LONGEST_NAME)
        check_no_links(name, field="LISTS")
    except Invalid as refused:
        raise Invalid(
            f"{path.name!a} names no member by its name: {refused.reason}",
            field="LISTS",
            remedy="rename the file",
        ) from None
    return " ".join(unicodedata.normalize("NFC", name).split())


def _given_rows(seed: int, path: Path) -> tuple[list[SentRow], list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            given = list(reader)
    except UnicodeDecodeError:
        raise Invalid(f"{path.name} is not UTF-8", field="LISTS", remedy="save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise Invalid(
            f"{path.name} is no CSV file: {error}",
            field="LISTS",
            remedy="look for a quotation mark that never ends",
        ) from None
    if not given:
        raise Invalid(f"{path.name} has no row", field="LISTS", remedy="leave the file out, or fill it")
    for needed in ("site_name", "country"):
        if needed not in columns:
            raise Invalid(
                f"{path.name} has no such column", field=needed, remedy="add the column, or rename one"
            )
    rows = []
    for number, row in enumerate(given, start=1):
        audited = _draw(seed, row)
        # A PDF leaves line ends and the like inside cells; they are spaces there.
        values = {
            column: " ".join(line.strip(" ") for line in _LINE_BREAKS.split(row.get(name) or "")).strip()
            for name, column in TAKEN.items()
        }
        rows.append(
            SentRow(
                values={"row_ref": str(number), **values, "postcode": "", **audited},
                site=row.get("uml_id") or None,
            )
        )
    used = {*TAKEN, *DRAWN_FROM, "uml_id"}
    return rows, [column for column in columns if column not in used]


def _draw(seed: int, row: Mapping[str, str | None]) -> dict[str, str]:
    content = "\x1f".join([str(seed), *(row.get(name) or "" for name in DRAWN_FROM)])
    chance = random.Random(sha256(content.encode()).digest())  # noqa: S311 - a draw that can be repeated
    newest = AS_OF - timedelta(days=90)
    day = newest - timedelta(days=chance.randrange(3 * 365 - 90))
    versions = [
        name for name, first, last in PUBLIC_VERSIONS if first <= day and (last is None or day <= last)
    ]
    return {
        "audit_date": day.isoformat(),
        "protocol": PUBLIC,
        "protocol_version": chance.choice(versions),
        "audit_type": chance.choice(AUDIT_TYPES),
        "notice": chance.choice(NOTICES),
    }


def _draw_base(seed: int, lists: Sequence[SentList], path: Path) -> list[Supplier]:
    """Half of the suppliers from the first member's rows, half from the others'; nobody knows which sites are shared."""
    chance = random.Random(f"{seed} suppliers")  # noqa: S311 - a draw that can be repeated
    own = [row for row in lists[0].rows if row.values["site_name"]]
    others = [row for one in lists[1:] for row in one.rows if row.values["site_name"]]
    chosen = chance.sample(own, min(len(own), SUPPLIERS // 2))
    chosen += chance.sample(others, min(len(others), SUPPLIERS - len(chosen)))
    columns = ("supplier_ref", "site_name", "address", "city", "region", "postcode", "country")
    numbered = [{"supplier_ref": f"S{n:05d}", **row.values} for n, row in enumerate(chosen, start=1)]
    _write_plain(path, columns, numbered)
    own_places = {id(row) for row in own}
    return [
        Supplier(ref=f"S{n:05d}", own=id(row) in own_places, surely_not_ours=False)
        for n, row in enumerate(chosen, start=1)
    ]


def _write_plain(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
