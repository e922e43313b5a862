"""The texts of the portal's templates."""

from pathlib import Path

import mrx_portal
from babel.messages.extract import extract_from_dir

TEMPLATES = Path(mrx_portal.__file__).parent / "templates"


def forms(text: object) -> list[str]:
    """One text, or the forms of its plural."""
    return (
        [text]
        if isinstance(text, str)
        else [str(one) for one in text]
        if isinstance(text, list | tuple)
        else []
    )


def texts() -> set[str]:
    found = extract_from_dir(
        str(TEMPLATES), method_map=[("**.html", "jinja2.ext:babel_extract")], options_map={"**.html": {}}
    )
    return {forms(text)[0] for _, _, text, *_ in found}
