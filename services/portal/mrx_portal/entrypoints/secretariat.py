"""Pages of secretariats."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from mrx_portal.entrypoints.desk import Desk, Visitor


def secretariat_pages(desk: Desk) -> APIRouter:
    """The routes under `/secretariat`."""
    routes = APIRouter(prefix="/secretariat")
    visiting = Annotated[Visitor, Depends(desk.signed_in("secretariat"))]

    @routes.get("")
    async def first(request: Request, visitor: visiting) -> Response:
        """The first page."""
        return desk.page(request, "secretariat/first.html", visitor=visitor)

    return routes
