"""A report that passed its checks, and who was given a link to it."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from mrx_shared.refusals import Rejected

from mrx_exchange_adapter.domain.tickets import Channel, Request

LINK_LASTS = timedelta(seconds=60)
WITHDRAWN, DECLINED = "withdrawn", "declined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One a request."""

    report_id: UUID
    request_id: UUID
    ticket_id: UUID
    member_id: UUID
    channel: Channel
    vault_key: str
    sha256: bytes
    size: int
    stored_at: datetime
    withdrawn_at: datetime | None = None

    def check_may_be_read(self, request: Request) -> None:
        """Refuse a link where the supplier took access back or declined, or the member took its request back."""
        if self.withdrawn_at is not None:
            raise Rejected(
                "the supplier withdrew access to this report",
                field="report_id",
                remedy="ask the supplier to grant access again",
            )
        if request.state == WITHDRAWN:
            raise Rejected(
                "the request for this report was withdrawn",
                field="report_id",
                remedy="ask the supplier again",
            )
        if request.state == DECLINED:
            # The supplier declined while its file was already being stored.
            raise Rejected(
                "the supplier declined the request", field="report_id", remedy="ask the supplier again"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The asking member was given a link."""

    access_id: UUID
    report_id: UUID
    member_id: UUID
    read_by: str
    read_at: datetime


def file_name(request: Request) -> str:
    """Under what name the report is saved: ours, never the sender's."""
    return f"{re.sub('[^A-Za-z0-9-]', '', request.reference) or 'report'}.pdf"
