"""A large report goes its whole way in bounded memory: no part of the service ever holds it."""

import os
import tracemalloc
from hashlib import sha256
from io import BytesIO

import pikepdf
import pytest
from pikepdf import Name, Stream

from tests.component.exchange_adapter.conftest import MakeExchange

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

SIZE = 64 * 1024 * 1024


def scanned() -> bytes:
    """Pages of pictures, as a scanner makes them."""
    out = BytesIO()
    with pikepdf.new() as made:
        for _ in range(4):
            made.add_blank_page()
            picture = Stream(made, os.urandom(SIZE // 4), Filter=Name.DCTDecode, Subtype=Name.Image)
            made.pages[-1].obj.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(A=picture))
        made.save(out, compress_streams=False)
    return out.getvalue()


async def test_a_report_of_sixty_megabytes_passes_without_being_held_in_memory(
    make_exchange: MakeExchange,
) -> None:
    exchange = make_exchange(changed={"max_bytes": 2 * SIZE})
    await exchange.know_key()
    asked = await exchange.asked()
    body = scanned()
    await exchange.upload(asked, body)
    tracemalloc.start()
    try:
        await exchange.carry_on()
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    page = (await exchange.page(asked)).json()
    assert page["report"]["sha256"] == sha256(body).hexdigest()
    assert held < SIZE // 4
