"""Which suppliers the released list holds, and which of those this member need not ask."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

Decision = Literal["match", "review", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the matcher found for one site: the best other site, if any, and how sure it is."""

    target: str
    score: float
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One supplier against the released list."""

    supplier_ref: str
    entry_id: str
    score: float
    decision: Decision
    audited_by_us: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All suppliers, and what follows from them."""

    findings: tuple[Finding, ...]

    @property
    def listed(self) -> int:
        """Suppliers that are on the released list."""
        return sum(finding.decision == "match" for finding in self.findings)

    @property
    def to_review(self) -> int:
        """Suppliers that a person has to look at."""
        return sum(finding.decision == "review" for finding in self.findings)

    @property
    def audited_by_us(self) -> int:
        """Listed suppliers whose site is on the member's own list."""
        return sum(finding.audited_by_us for finding in self.findings)

    @property
    def to_request(self) -> int:
        """Listed suppliers whose audit this member may ask for."""
        return self.listed - self.audited_by_us


def judge(suppliers: Sequence[str], links: Sequence[Link], own: Collection[str]) -> Findings:
    """Put suppliers and their links together; `own` holds the entries that the member's own list has."""
    return Findings(
        findings=tuple(
            Finding(
                supplier_ref=supplier,
                entry_id=link.target,
                score=link.score,
                decision=link.decision,
                audited_by_us=link.decision == "match" and link.target in own,
            )
            for supplier, link in zip(suppliers, links, strict=True)
        )
    )
