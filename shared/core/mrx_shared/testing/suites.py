"""What every implementation of a port must do. Real and in-memory ones run through the same lines."""

from datetime import timedelta

from mrx_shared.store.objects import ObjectMissing, Objects

KIND = "text/plain"


async def objects_keep_their_promises(objects: Objects) -> None:
    """A bucket gives back what was put, takes the same again, says what is missing, and signs links."""
    await objects.put("one/a.txt", b"first", content_type=KIND)
    assert await objects.get("one/a.txt") == b"first"
    await objects.put("one/a.txt", b"first", content_type=KIND)
    assert await objects.get("one/a.txt") == b"first"
    await objects.put("one/empty.txt", b"", content_type=KIND)
    assert await objects.get("one/empty.txt") == b""
    try:
        await objects.get("one/never-put.txt")
    except ObjectMissing:
        pass
    else:
        raise AssertionError("an object that was never put was found")
    link = await objects.link("one/a.txt", file_name="a.txt", lasting=timedelta(seconds=60))
    assert "one/a.txt" in link
    assert link != await objects.link("one/empty.txt", file_name="a.txt", lasting=timedelta(seconds=60))
