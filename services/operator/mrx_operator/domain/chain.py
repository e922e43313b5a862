"""An unbroken log: each link's hash covers the link before, so that nothing can be altered or removed unseen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What one fact leaves in its service's log; its payload counts by its salted digest alone."""

    position: int
    id: str
    topic: str
    key: str
    sequence: int
    type: str
    digest: bytes
    chain: bytes
    erased: bool = False
    digest_holds: bool = True

    def expected(self, before: bytes) -> bytes:
        """The hash that this link must have behind `before`."""
        fields = (self.position, self.id, self.topic, self.key, self.sequence, self.type, self.digest.hex())
        return sha256(before + "\n".join(map(str, fields)).encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Where a log does not hold, and how."""

    service: str
    position: int
    reason: str


@dataclass(slots=True, kw_only=True)
class Walk:
    """A walk along one service's log from its beginning; links may come in pages."""

    service: str
    milestones: Mapping[int, bytes] = field(default_factory=dict)
    """hashes that were seen at positions of this log before; they must be there still"""
    links: int = 0
    erased: int = 0
    position: int = 0
    head: bytes = b""
    breaks: list[Break] = field(default_factory=list)

    def take(self, links: Iterable[Link]) -> None:
        """Go on along these links. Behind a break the walk goes on from what the log says, to find every break."""
        for link in links:
            self._look(link)
            self.links += 1
            self.erased += link.erased
            self.position, self.head = link.position, link.chain

    def finish(self) -> None:
        """Nothing follows: whatever was seen before behind this end has been removed."""
        last = max(self.milestones, default=0)
        if last > self.position:
            self._break(self.position + 1, f"the log ends at {self.position}; it went to {last} before")

    def _look(self, link: Link) -> None:
        if link.position <= self.position:
            self._break(link.position, f"comes behind position {self.position}")
        elif link.position != self.position + 1:
            self._break(self.position + 1, f"missing: position {link.position} follows {self.position}")
        elif link.expected(self.head) != link.chain:
            self._break(link.position, "its hash does not fit it and the link before: altered or replaced")
        if not link.digest_holds:
            self._break(link.position, "its payload does not fit its digest: the payload was altered")
        if self.milestones.get(link.position, link.chain) != link.chain:
            self._break(link.position, "its hash was another before: the log was rewritten")

    def _break(self, position: int, reason: str) -> None:
        self.breaks.append(Break(service=self.service, position=position, reason=reason))
