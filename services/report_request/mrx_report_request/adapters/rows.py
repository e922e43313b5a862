"""A request as a row of its table, and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any, TypeVar

from mrx_shared.store.tables import domain, values

from mrx_report_request.adapters.tables import RequestRow
from mrx_report_request.domain.decisions import Decision
from mrx_report_request.domain.requests import DueMail, HistoryEntry, Report, Request, Supplier
from mrx_report_request.domain.transitions import State

_PARTS: Mapping[type[Any], Mapping[str, str]] = {
    Supplier: {"name": "supplier_name"},
    DueMail: {"kind": "due_mail", "at": "due_mail_at"},
    Report: {"sha256": "report_sha256", "size": "report_size"},
    Decision: {"reason": "decision_reason"},
}
"""parts of a request, and the columns of those of their fields that are named otherwise"""

P = TypeVar("P", Supplier, DueMail, Report, Decision)


def row_of(request: Request) -> dict[str, object]:
    """The values of a request's row, by column."""
    return {
        **values(request, "supplier", "due_mail", "report", "decision"),
        **_columns(Supplier, request.supplier),
        **_columns(DueMail, request.due_mail),
        **_columns(Report, request.report),
        **_columns(Decision, request.decision),
        "history": [{**asdict(one), "at": one.at.isoformat()} for one in request.history],
        "avoided": bool(request.decision and request.decision.avoided),
    }


def request_of(row: RequestRow) -> Request:
    """The request of a row."""
    return domain(
        Request,
        row,
        supplier=_part(Supplier, row),
        history=tuple(
            HistoryEntry(
                state=State(one["state"]), reason=one["reason"], at=datetime.fromisoformat(one["at"])
            )
            for one in row.history
        ),
        due_mail=_part(DueMail, row) if row.due_mail else None,
        report=_part(Report, row) if row.report_id else None,
        decision=_part(Decision, row) if row.outcome else None,
    )


def _columns(kind: type[P], part: P | None) -> dict[str, object]:
    columns = _PARTS[kind]
    return {columns.get(field.name, field.name): part and getattr(part, field.name) for field in fields(kind)}


def _part(kind: type[P], row: RequestRow) -> P:
    return domain(kind, row, **{field: getattr(row, column) for field, column in _PARTS[kind].items()})
