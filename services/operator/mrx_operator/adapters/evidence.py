"""Logs written to a file, so that they can be verified where the services cannot be reached, or compared later."""

import json
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mrx_shared.refusals import Invalid

from mrx_operator.adapters.services import link, shown
from mrx_operator.domain.chain import Link


@contextmanager
def written(path: Path | None) -> Iterator[Callable[[str, Sequence[Link]], None]]:
    """A place to keep pages of links: a new file, whole or not at all; or nowhere. One JSON object a line."""
    if path is None:
        yield lambda _service, _links: None
        return
    draft = path.with_name(f"{path.name}.partial")
    with draft.open("w", encoding="utf-8") as file:

        def keep(service: str, links: Sequence[Link]) -> None:
            file.writelines(f"{json.dumps({'service': service, **shown(one)})}\n" for one in links)

        yield keep
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


class Evidence:
    """What such a file holds."""

    def __init__(self, path: Path) -> None:
        self._logs: dict[str, list[Link]] = {}
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    stated = json.loads(line)
                    self._logs.setdefault(str(stated["service"]), []).append(link(stated))
                except (ValueError, KeyError, TypeError, Invalid):
                    raise Invalid(
                        f"{path}: not a line of a log that `mrx operator verify --dump` wrote", row=number
                    ) from None
        if not self._logs:
            raise Invalid(f"{path} holds no log", remedy="write one with `mrx operator verify --dump`")

    @property
    def services(self) -> list[str]:
        """Whose logs there are."""
        return list(self._logs)

    def pages(self, service: str) -> Callable[[int], Awaitable[Sequence[Link]]]:
        """One service's log, as one page."""
        pages = [self._logs[service]]

        async def page(_after: int) -> Sequence[Link]:
            return pages.pop() if pages else []

        return page

    def milestones(self, service: str) -> dict[int, bytes]:
        """The hash at each position of one service's log."""
        return {one.position: one.chain for one in self._logs.get(service, [])}
