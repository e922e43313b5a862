"""The supplier's page reads and calls what report_request, exchange_adapter and the registry publish."""

import re

import pytest
from mrx_portal.entrypoints.supplier import TOKEN
from mrx_portal.handlers import supplier
from mrx_portal.handlers.shapes import Shape

from tests.component.portal.test_pages_fit_the_services import HANDLERS, document

READ: list[tuple[type[Shape], str, str]] = [
    (supplier.AskedOf, "report_request", "Page"),
    (supplier.Handover, "exchange_adapter", "Page"),
    (supplier.Upload, "exchange_adapter", "Upload"),
    (supplier.Platform, "exchange_adapter", "Share"),
    (supplier.Report, "exchange_adapter", "SharedReport"),
    (supplier.Access, "exchange_adapter", "Access"),
]


@pytest.mark.parametrize(("shape", "service", "name"), READ)
def test_every_field_that_the_page_reads_is_published(shape: type[Shape], service: str, name: str) -> None:
    assert shape.model_fields.keys() <= document(service)["components"]["schemas"][name]["properties"].keys()


def test_every_call_of_the_page_and_of_the_sign_in_is_offered() -> None:
    offered = {
        re.sub(r"\{[^}]*\}", "{}", path)
        for service in ("registry", "report_request", "exchange_adapter")
        for path in document(service)["paths"]
    }
    sources = [HANDLERS / "supplier.py", HANDLERS.parent / "adapters/services.py"]
    called = {
        re.sub(r"\{[^}]*\}", "{}", path)
        for source in sources
        for path in re.findall(r'"(/v1/[^"]*)"', source.read_text(encoding="utf-8"))
    }
    assert len(called) > 10
    assert called <= offered


def test_a_link_of_a_mail_has_a_token_that_the_page_takes() -> None:
    assert TOKEN.fullmatch("x" * 43)
