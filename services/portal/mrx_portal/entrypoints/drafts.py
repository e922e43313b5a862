"""What forms about a draft say: which draft they are of, and the file that comes with them."""

import re
from uuid import UUID

from mrx_shared.refusals import Invalid, Rejected, Unknown
from starlette.datastructures import UploadFile

from mrx_portal.entrypoints.frontend import Filled
from mrx_portal.handlers.assessing import Place

CRITERIA = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


async def chosen_file(form: Filled, most: int, remedy: str) -> tuple[str, bytes]:
    """The name and the bytes of the file in a form."""
    file = form.fields.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        raise Invalid("the file is missing", field="file", remedy="choose it and send it again")
    content = await file.read(most + 1)
    await file.close()
    if len(content) > most:
        raise Invalid(f"the file is larger than {most // 1024 // 1024} MiB", field="file", remedy=remedy)
    return file.filename, content


def chosen_place(form: Filled, *, criteria: str = "") -> Place:
    """Where a form lets a version be chosen, and the criteria unless they are given."""
    protocol_id, _, version = form.needed("protocol", "the protocol").partition(" ")
    criteria = criteria or form.needed("criteria", "the version of the criteria")
    return place_of(protocol_id, version, criteria)


def stated_place(form: Filled) -> Place:
    """Where a form holds its draft's place."""
    return place_of(form.text("protocol"), form.text("version"), form.text("criteria"))


def place_of(protocol_id: str, version: str, criteria: str) -> Place:
    """Raises `Unknown` where no draft can be."""
    try:
        known = str(UUID(protocol_id))
    except ValueError:
        known = ""
    if not known or not version or not CRITERIA.fullmatch(criteria):
        raise Unknown("there is no such draft", remedy="go back to the assessments and choose one")
    return Place(protocol_id=known, version=version, criteria=criteria)


def status_of(error: Rejected | None) -> int:
    """What a page with this refusal on it is answered with."""
    return {"invalid": 422, "forbidden": 403, "unknown": 404}.get(error.kind, 409) if error else 200
