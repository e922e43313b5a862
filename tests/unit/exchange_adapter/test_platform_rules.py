"""What is read on a data-sharing platform: which codes, grants, audits and events count."""

import hashlib
import hmac
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from mrx_exchange_adapter.domain.platform import (
    FetchedReport,
    Grant,
    PlatformAudit,
    Share,
    ShareState,
    is_genuine,
    latest_report,
    read_site_code,
)
from mrx_shared.refusals import Invalid

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
SHA, OTHER = "a" * 64, "b" * 64


def grant(reference: str, **stated: object) -> Grant:
    """A grant, active unless stated otherwise."""
    values = {"grant_id": "g", "site_code": "ZS1000001", "active": True, "granted_at": NOON}
    return Grant(reference=reference, **values | stated)  # type: ignore[arg-type]


def audit(**stated: object) -> PlatformAudit:
    """An audit with a report."""
    values: dict[str, object] = {
        "audit_id": "a",
        "protocol": "SMETA",
        "protocol_version": "6.1",
        "audit_date": date(2026, 3, 4),
        "audit_type": "Full Initial",
        "updated_at": NOON,
        "sha256": SHA,
        "size": 10,
    }
    return PlatformAudit(**values | stated)  # type: ignore[arg-type]


def share(**stated: object) -> Share:
    """A sharing that waits."""
    values: dict[str, object] = {
        "request_id": UUID(int=1),
        "member_id": UUID(int=2),
        "site_code": "ZS1000001",
        "reference": "MRX-ABCD1234",
        "verified": True,
        "state": ShareState.WAITING,
        "since": NOON,
    }
    return Share(**values | stated)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["ZS1000001", " zs1000001 ", "ZS 1000-001", "zs/1000.001"])
def test_a_site_code_is_read_however_it_is_spaced(text: str) -> None:
    assert read_site_code(text) == "ZS1000001"


@pytest.mark.parametrize(
    "text", ["", "ZS", "ZS1234", "ZS1234567890123456", "ZC1000001", "ZS١٢٣٤٥٦", "ZS12345x"]
)
def test_what_is_no_site_code_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_site_code(text)
    assert (refused.value.field, bool(refused.value.remedy)) == ("site_code", True)


@pytest.mark.parametrize(
    "text",
    ["MRX-ABCD1234", "mrx abcd1234", "Request: (MRX – x) MRX-ABCD1234.", "MRXABCD1234", "MRX - ABCD1234,"],
)
def test_a_reference_is_found_in_what_the_supplier_wrote(text: str) -> None:
    assert grant(text).names("MRX-ABCD1234")


@pytest.mark.parametrize(
    "text", ["", "MRX-ABCD12345", "XMRX-ABCD1234", "ABCD1234", "MRX-ABCD123", "MRX-.BCD1234", "MRX-ABCD123O"]
)
def test_another_reference_is_not_taken_for_it(text: str) -> None:
    assert not grant(text).names("MRX-ABCD1234")


def test_a_reference_is_never_read_as_a_pattern() -> None:
    assert not grant("MRX-ABCD1234").names("MRX-........")


def test_a_grant_counts_for_its_site_and_reference_and_while_it_is_active() -> None:
    wanted = grant("MRX-ABCD1234", grant_id="newer", granted_at=NOON + timedelta(days=1))
    grants = [
        grant("MRX-ABCD1234", grant_id="older"),
        wanted,
        grant("MRX-ABCD1234", grant_id="gone", active=False, granted_at=NOON + timedelta(days=2)),
        grant(
            "MRX-ABCD1234", grant_id="elsewhere", site_code="ZS1000002", granted_at=NOON + timedelta(days=2)
        ),
        grant("MRX-ZZZZ1234", grant_id="another's", granted_at=NOON + timedelta(days=2)),
    ]
    assert share().grant_among(grants) == wanted
    assert share().grant_among(grants[2:]) is None


def test_the_latest_audit_counts_that_has_protocol_version_and_report() -> None:
    wanted = audit(audit_id="wanted", audit_date=date(2026, 2, 2))
    missing: list[dict[str, object]] = [
        {"protocol": ""},
        {"protocol_version": ""},
        {"sha256": None, "size": None},
        {"size": 0},
    ]
    without = [audit(audit_date=date(2026, 3, 3), **one) for one in missing]
    assert latest_report([audit(audit_date=date(2026, 1, 1)), wanted, *without]) == wanted
    assert latest_report(without) is None


@pytest.mark.parametrize(
    ("came", "listed", "stated", "right"),
    [
        (SHA, SHA, SHA, True),
        (SHA, SHA, None, True),
        (SHA, SHA, OTHER, False),
        (SHA, OTHER, SHA, False),
        (SHA, OTHER, OTHER, False),
        (SHA, OTHER, None, False),
    ],
)
def test_a_report_is_as_stated_only_if_list_answer_and_bytes_agree(
    came: str, listed: str, stated: str | None, right: bool
) -> None:
    fetched = FetchedReport(sha256=came, size=10, stated_sha256=stated)
    assert (fetched.promised(audit(sha256=listed)) == came) is right


def test_a_report_is_taken_once_until_the_platform_changes_it() -> None:
    taken = share().took(audit(), UUID(int=3), now=NOON)
    assert not taken.takes(audit())
    assert taken.takes(audit(sha256=OTHER))
    assert taken.takes(audit(updated_at=NOON + timedelta(seconds=1)))
    assert taken.takes(audit(audit_id="another"))


@pytest.mark.parametrize(
    ("age", "genuine"), [(0, True), (300, True), (301, False), (-300, True), (-301, False)]
)
def test_an_event_counts_for_five_minutes_around_its_moment(age: int, genuine: bool) -> None:
    stamp = str(int(NOON.timestamp()) - age)
    signature = "v1=" + hmac.new(b"key", f"{stamp}.{{}}".encode(), hashlib.sha256).hexdigest()
    assert is_genuine(secret="key", stamp=stamp, body=b"{}", signature=signature, now=NOON) is genuine
    assert not is_genuine(secret="other", stamp=stamp, body=b"{}", signature=signature, now=NOON)
    assert not is_genuine(secret="key", stamp=stamp, body=b"{ }", signature=signature, now=NOON)
