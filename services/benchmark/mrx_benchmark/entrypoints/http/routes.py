"""The benchmark's HTTP API."""

from fastapi import APIRouter
from mrx_shared.bus.requests import Requests
from mrx_shared.kit.access import Access

from mrx_benchmark.entrypoints.http.appeals import add_appeals
from mrx_benchmark.entrypoints.http.assessments import add_assessments
from mrx_benchmark.entrypoints.http.carry_over import add_carry_over
from mrx_benchmark.entrypoints.http.consultation import add_consultation
from mrx_benchmark.entrypoints.http.criteria import add_criteria
from mrx_benchmark.entrypoints.http.documents import add_documents
from mrx_benchmark.entrypoints.http.drafts import add_drafts
from mrx_benchmark.entrypoints.http.evidence import add_evidence
from mrx_benchmark.entrypoints.http.extensions import add_extensions
from mrx_benchmark.entrypoints.http.impartiality import add_impartiality
from mrx_benchmark.entrypoints.http.protocols import add_protocols
from mrx_benchmark.entrypoints.http.questions import add_questions
from mrx_benchmark.entrypoints.http.reviews import add_reviews
from mrx_benchmark.entrypoints.http.waivers import add_waivers
from mrx_benchmark.ports import Documents, EvidenceStore, Work


def build_router(
    requests: Requests[Work], access: Access, store: EvidenceStore, documents: Documents
) -> APIRouter:
    """Every route of the benchmark but those that every service has."""
    router = APIRouter(prefix="/v1")
    for add in (
        add_criteria,
        add_protocols,
        add_assessments,
        add_reviews,
        add_questions,
        add_appeals,
        add_impartiality,
        add_waivers,
        add_extensions,
        add_consultation,
        add_carry_over,
        add_drafts,
    ):
        add(router, requests, access)
    add_documents(router, requests, access, documents)
    add_evidence(router, requests, access, store)
    return router
