"""Pages of reviewers."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from mrx_portal.entrypoints.desk import Desk, Visitor


def reviewer_pages(desk: Desk) -> APIRouter:
    """The routes under `/reviewer`."""
    routes = APIRouter(prefix="/reviewer")
    visiting = Annotated[Visitor, Depends(desk.signed_in("reviewer"))]

    @routes.get("")
    async def first(request: Request, visitor: visiting) -> Response:
        """The first page."""
        return desk.page(request, "reviewer/first.html", visitor=visitor)

    return routes
