"""What the platform knows. The public records are the API's answers."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

CompanyCode = Annotated[str, StringConstraints(pattern=r"^ZC\d{5,15}$")]
SiteCode = Annotated[str, StringConstraints(pattern=r"^ZS\d{5,15}$")]
Reference = Annotated[str, StringConstraints(max_length=100)]


class Record(BaseModel):
    """A record that stands in a list."""

    model_config = ConfigDict(frozen=True)

    updated_at: AwareDatetime = Field(description="rises with every change; lists are in its order")


class Company(Record):
    """A company on the platform."""

    company_code: CompanyCode
    name: str
    country: str


class Site(Record):
    """A site, and the company that owns it."""

    site_code: SiteCode
    company_code: CompanyCode
    name: str
    country: str


class Link(Record):
    """A supplier's company that is linked to a customer's."""

    link_id: str
    supplier_code: CompanyCode
    customer_code: CompanyCode


class Grant(Record):
    """A supplier lets the exchange see a site's audits; `reference` is what the supplier wrote with it."""

    grant_id: str
    site_code: SiteCode
    grantee_code: CompanyCode
    reference: Reference
    state: Literal["active", "withdrawn"]
    granted_at: AwareDatetime
    withdrawn_at: AwareDatetime | None


class NonConformity(BaseModel):
    """A finding of an audit."""

    model_config = ConfigDict(frozen=True)

    area: str
    severity: Literal["minor", "major", "critical"]
    status: Literal["open", "closed"]


class ReportFile(BaseModel):
    """The file that stands with an audit, as the platform states it."""

    model_config = ConfigDict(frozen=True)

    sha256: str = Field(description="hex")
    size: int = Field(description="bytes")
    media_type: Literal["application/pdf"] = "application/pdf"


class Audit(Record):
    """An audit of a site."""

    audit_id: str
    site_code: SiteCode
    protocol: str
    protocol_version: str
    audit_date: date
    audit_type: str
    non_conformities: tuple[NonConformity, ...]
    report: ReportFile | None


class Event(BaseModel):
    """What is sent to the exchange when something changed; a hint, which may come late, twice or never."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    type: Literal["grant.given", "grant.withdrawn", "audit.published"]
    site_code: SiteCode
    occurred_at: datetime


class Kept(BaseModel):
    """All of the platform's data, as it is written to its folder."""

    companies: dict[str, Company] = {}
    sites: dict[str, Site] = {}
    links: dict[str, Link] = {}
    grants: dict[str, Grant] = {}
    audits: dict[str, Audit] = {}
    unsent: list[Event] = []
