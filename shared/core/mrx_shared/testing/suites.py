"""What every implementation of a port must do. Real and in-memory ones run through the same lines."""

from collections.abc import Awaitable
from datetime import timedelta
from hashlib import sha256
from io import BytesIO

from mrx_shared.refusals import Unavailable
from mrx_shared.store.objects import ObjectMissing, Objects, ObjectStands, ObjectTooLarge

KIND = "text/plain"
MEBIBYTE = 1024 * 1024
SIZES = (5 * MEBIBYTE, 5 * MEBIBYTE + 1, 6 * MEBIBYTE, 70 * MEBIBYTE)
"""up to where SDKs send one request, just past it, and far past it"""


async def objects_keep_their_promises(objects: Objects) -> None:
    """A bucket gives back what was put, takes the same again, says what is missing, and signs links."""
    await objects.put("one/a.txt", b"first", content_type=KIND)
    assert await objects.get("one/a.txt") == b"first"
    await objects.put("one/a.txt", b"first", content_type=KIND)
    assert await objects.get("one/a.txt") == b"first"
    await objects.put("one/empty.txt", b"", content_type=KIND)
    assert await objects.get("one/empty.txt") == b""
    await _raises(ObjectMissing, objects.get("one/never-put.txt"))
    link = await objects.link("one/a.txt", file_name="a.txt", lasting=timedelta(seconds=60))
    assert "one/a.txt" in link
    assert link != await objects.link("one/empty.txt", file_name="a.txt", lasting=timedelta(seconds=60))
    await _objects_are_known_without_being_read(objects)
    await _a_file_goes_in_once_and_comes_out_in_pieces(objects)
    for size in SIZES:
        await _an_object_of_any_size_goes_in_and_comes_out(objects, size)


async def _objects_are_known_without_being_read(objects: Objects) -> None:
    head = await objects.head("one/a.txt")
    assert (head.key, head.size, head.sha256) == ("one/a.txt", 5, sha256(b"first").digest())
    await _raises(ObjectMissing, objects.head("one/never-put.txt"))
    await objects.put("two/b.txt", b"second", content_type=KIND)
    assert [(one.key, one.size) for one in await objects.listed("one/")] == [
        ("one/a.txt", 5),
        ("one/empty.txt", 0),
    ]
    assert {one.key for one in await objects.listed()} == {"one/a.txt", "one/empty.txt", "two/b.txt"}
    await objects.remove("two/b.txt")
    await objects.remove("two/b.txt")
    assert await objects.listed("two/") == []


async def _a_file_goes_in_once_and_comes_out_in_pieces(objects: Objects) -> None:
    body = bytes(range(256)) * 8192  # two pieces
    digest = sha256(body).digest()

    def putting(sent: bytes) -> Awaitable[None]:
        return objects.put_once(
            "large", BytesIO(sent), size=len(sent), sha256=sha256(sent).digest(), content_type=KIND
        )

    await putting(body)
    await _raises(ObjectStands, putting(b"other"))
    came = BytesIO()
    assert await objects.fetch("large", came, at_most=len(body)) == digest
    assert came.getvalue() == body
    assert await objects.fetch("large", None, at_most=len(body)) == digest
    await _raises(ObjectTooLarge, objects.fetch("large", BytesIO(), at_most=len(body) - 1))
    await _raises(ObjectMissing, objects.fetch("never-put", BytesIO(), at_most=1))
    link = objects.upload_link("new", size=6, sha256=digest, content_type=KIND, lasting=timedelta(minutes=10))
    assert set(link.headers) == {"Content-Length", "Content-Type", "If-None-Match", "x-amz-checksum-sha256"}
    assert (link.headers["Content-Length"], link.headers["If-None-Match"]) == ("6", "*")


async def _an_object_of_any_size_goes_in_and_comes_out(objects: Objects, size: int) -> None:
    body = (bytes(range(251)) * (size // 251 + 1))[:size]
    digest, other = sha256(body).digest(), sha256(b"other").digest()
    for sent in (body, BytesIO(body)):
        await objects.put("any-size", sent, content_type=KIND)
        head = await objects.head("any-size")
        assert (head.size, head.sha256) == (size, digest)
        assert await objects.fetch("any-size", None, at_most=size) == digest
        await objects.remove("any-size")
    await objects.put_once("any-size", BytesIO(body), size=size, sha256=digest, content_type=KIND)
    assert await objects.get("any-size") == body
    await objects.remove("any-size")
    await _raises(
        Unavailable,
        objects.put_once("any-size", BytesIO(body), size=size, sha256=other, content_type=KIND),
    )
    await _raises(ObjectMissing, objects.head("any-size"))


async def _raises(expected: type[Exception], step: Awaitable[object]) -> None:
    try:
        await step
    except expected:
        return
    raise AssertionError(f"{expected.__name__} was due")
