"""Answers that their owner has not submitted yet."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from mrx_benchmark.domain.answers import Answer
from mrx_benchmark.domain.criteria import Catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an owner has answered so far for a protocol version; nobody else sees it, and nothing of it counts."""

    protocol_id: UUID
    version: str
    criteria_version: str
    owner: UUID | None
    saved_by: str
    saved_at: datetime
    answers: tuple[Answer, ...] = ()

    def with_answers(
        self,
        answers: Iterable[Answer],
        *,
        cleared: Collection[str],
        catalogue: Catalogue,
        by: str,
        at: datetime,
    ) -> "Draft":
        """With these answers in place of those on the same criteria, in the catalogue's order, and without others."""
        known: Mapping[str, Answer] = {
            **{one.criterion_id: one for one in self.answers if one.criterion_id not in cleared},
            **{one.criterion_id: one for one in answers},
        }
        return replace(
            self,
            answers=tuple(known[one.id] for one in catalogue.criteria if one.id in known),
            saved_by=by,
            saved_at=at,
        )
