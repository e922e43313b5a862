"""The library's files and documents, read and written beside the event loop."""

import asyncio
from collections.abc import Sequence

from mrx_criteria import documents, files
from mrx_criteria.domain.answers import Sifted
from mrx_criteria.domain.commonality import GapReport
from mrx_criteria.domain.criteria import Catalogue
from mrx_criteria.domain.suggestions import Suggestion
from mrx_criteria.similarity import suggest

from mrx_benchmark.ports import Document


class CriteriaDocuments:
    """See `ports.Documents`."""

    reports = tuple(documents.REPORTS)

    async def answers(self, raw: bytes, name: str, catalogue: Catalogue) -> Sifted:
        """See `ports.Documents`."""
        return await asyncio.to_thread(files.sifted_answers, raw, name, catalogue)

    async def requirements(self, raw: bytes, name: str) -> tuple[tuple[str, str], ...]:
        """See `ports.Documents`."""
        return await asyncio.to_thread(files.requirements_of, raw, name)

    async def suggestions(
        self, requirements: Sequence[tuple[str, str]], catalogue: Catalogue
    ) -> tuple[Suggestion, ...]:
        """See `ports.Documents`."""
        return await asyncio.to_thread(suggest, requirements, catalogue)

    async def template(self, catalogue: Catalogue, kind: str) -> Document:
        """See `ports.Documents`."""
        if kind == "csv":
            body, media_type = documents.template_csv(catalogue).encode(), "text/csv; charset=utf-8"
        else:
            body = await asyncio.to_thread(documents.template_xlsx, catalogue)
            media_type = documents.REPORTS["xlsx"][0]
        return Document(body=body, media_type=media_type, name=f"{catalogue.version}.{kind}")

    async def report(self, report: GapReport, kind: str) -> Document:
        """See `ports.Documents`."""
        media_type, write = documents.REPORTS[kind]
        body = await asyncio.to_thread(write, report)
        return Document(body=body, media_type=media_type, name=f"gap-report.{kind}")
