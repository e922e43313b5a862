"""Answers that their owner has not submitted yet."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from mrx_criteria.domain.answers import Answer, Note
from mrx_criteria.domain.criteria import Catalogue


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
    notes: tuple[Note, ...] = ()
    """Words about criteria that are still open."""

    @property
    def written(self) -> "tuple[Answer | Note, ...]":
        """The answers, then the notes."""
        return (*self.answers, *self.notes)

    def with_answers(
        self,
        answers: Iterable[Answer],
        notes: Iterable[Note] = (),
        *,
        cleared: Collection[str],
        catalogue: Catalogue,
        by: str,
        at: datetime,
    ) -> "Draft":
        """With these in place of what stood on the same criteria, in the catalogue's order, and without others."""
        given: list[Answer | Note] = [*answers, *notes]
        known = {one.criterion_id: one for one in self.written if one.criterion_id not in cleared}
        known |= {one.criterion_id: one for one in given}
        written = [known[one.id] for one in catalogue.criteria if one.id in known]
        return replace(
            self,
            answers=tuple(one for one in written if isinstance(one, Answer)),
            notes=tuple(one for one in written if isinstance(one, Note)),
            saved_by=by,
            saved_at=at,
        )
