"""A member's own assessments: how they stand, and answers sent as a filled-in template."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from mrx_shared.refusals import Invalid, Rejected
from starlette.datastructures import UploadFile

from mrx_portal.entrypoints.desk import Desk, Filled, Visitor
from mrx_portal.entrypoints.forms import words
from mrx_portal.handlers import assessing as handlers
from mrx_portal.handlers.shapes import FileTaken

MOST_BYTES = 700 * 1024


def add_assessing(routes: APIRouter, desk: Desk) -> None:
    """The routes under `/member/assessments`."""
    visiting = Annotated[Visitor, Depends(desk.signed_in("member"))]
    signed = Annotated[Filled, Depends(desk.form("session"))]

    async def page(
        request: Request, visitor: Visitor, *, error: Rejected | None = None, taken: FileTaken | None = None
    ) -> Response:
        return desk.page(
            request,
            "member/assessments.html",
            visitor=visitor,
            found=await handlers.desk(visitor.api),
            error=words(error) if error else None,
            taken=taken,
            status=422 if error else 200,
        )

    @routes.get("/assessments")
    async def assessments(request: Request, visitor: visiting) -> Response:
        """Own assessments, and the form for a filled-in template."""
        return await page(request, visitor)

    @routes.post("/assessments")
    async def send_file(request: Request, visitor: visiting, form: signed) -> Response:
        """Take up a filled-in template."""
        try:
            protocol_id, _, version = form.needed("protocol", "the protocol").partition(" ")
            file = form.fields.get("file")
            if not isinstance(file, UploadFile) or not file.filename:
                raise Invalid("the file is missing", field="file", remedy="choose the filled-in template")
            content = await file.read(MOST_BYTES + 1)
            await file.close()
            if len(content) > MOST_BYTES:
                raise Invalid(
                    "the file is larger than 700 KiB",
                    field="file",
                    remedy="send it through the service's API",
                )
            taken = await handlers.send_file(
                protocol_id,
                version,
                form.needed("criteria", "the criteria"),
                file.filename,
                content,
                visitor.api,
                keep_good="keep_good" in form.fields,
                key=form.key,
            )
        except Rejected as error:
            return await page(request, visitor, error=error)
        return await page(request, visitor, taken=taken)
