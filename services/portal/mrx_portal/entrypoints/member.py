"""Pages of members."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from mrx_portal.entrypoints.desk import Desk, Visitor


def member_pages(desk: Desk) -> APIRouter:
    """The routes under `/member`."""
    routes = APIRouter(prefix="/member")
    visiting = Annotated[Visitor, Depends(desk.signed_in("member"))]

    @routes.get("")
    async def first(request: Request, visitor: visiting) -> Response:
        """The first page."""
        return desk.page(request, "member/first.html", visitor=visitor)

    return routes
