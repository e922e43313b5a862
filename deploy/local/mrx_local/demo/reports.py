"""Invented audit reports as real PDF documents: the same for the same seed and site, another for every other."""

import json
import random
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import typst

TEMPLATE = Path(__file__).with_name("report.typ")
FINDINGS = (
    ("0B Management Systems", "Nobody is named who keeps the code of conduct up to date.", "minor"),
    ("1 Freely Chosen Employment", "Workers keep their own passports and say so.", "good practice"),
    ("3 Health and Safety", "One fire extinguisher is past its date of inspection.", "minor"),
    ("3 Health and Safety", "The evacuation plan of the second floor does not show the new exit.", "minor"),
    ("5 Wages and Benefits", "Payslips lack the rate of overtime pay.", "minor"),
    ("6 Working Hours", "Overtime above twelve hours a week in two of the sampled weeks.", "major"),
    ("8 Regular Employment", "Two seasonal contracts were not signed before the first day.", "major"),
    ("9 No Harsh or Inhumane Treatment", "Workers know the grievance channel and use it.", "good practice"),
    ("10B4 Environment", "Chemicals are stored without secondary containment.", "major"),
    ("10C Business Ethics", "Gifts above the limit are written down, but nobody reviews the list.", "minor"),
)
SHOWN = 4
SYSTEMS = ("Labour", "Health and Safety", "Environment", "Business Ethics")
GRADES = ("Fundamental Improvements Required", "Some Improvements Recommended", "Robust")
AUDITOR = "Northlight Assessments (invented)"


def write_report(seed: int, entry: Mapping[str, str], path: Path) -> Path:
    """Write the report of a released entry's site; returns `path`."""
    drawn = random.Random(f"report {seed} {entry['entry_id']}")  # noqa: S311 - invents, hides nothing
    year, half = entry["audit_half_year"].split("-H")
    day = date(int(year), 1 if half == "1" else 7, 1) + timedelta(days=drawn.randrange(180))
    found = sorted(drawn.sample(range(len(FINDINGS)), k=SHOWN))
    document = {
        "site": entry["site_name"],
        "address": ", ".join(entry[part] for part in ("address", "city", "region", "country") if entry[part]),
        "protocol": entry["scheme_family"],
        "audit_type": drawn.choice(("Full Initial", "Periodic")),
        "audit_date": day.isoformat(),
        "auditor": AUDITOR,
        "reference": f"NL-{drawn.randrange(10**7):07d}",
        "summary": f"{drawn.randrange(40, 900)} workers were present on the day; {drawn.randrange(12, 40)} were "
        "interviewed, alone and in groups. Records of the last twelve months were sampled.",
        "findings": [
            dict(zip(("clause", "finding", "grade"), FINDINGS[place], strict=True)) for place in found
        ],
        "systems": [
            {"area": area, "text": f"Policies, responsibilities and reviews: {drawn.choice(GRADES)}."}
            for area in SYSTEMS
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    typst.compile(
        TEMPLATE,
        output=path,
        sys_inputs={"report": json.dumps(document)},
        ignore_system_fonts=True,
    )
    return path
