"""What a member needs on Kafka, as wanted and as done: topics, a user, rights."""

from dataclasses import dataclass, field, replace
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A member's access to its own topics. Every desired state has a revision; it is done when that one was carried out."""

    member_id: UUID
    open: bool
    revision: int = 1
    done: int = 0
    sealed_password: bytes | None = field(default=None, repr=False)
    """a Kafka password that waits to be set; erased as soon as it is"""

    @property
    def due(self) -> bool:
        """Whether something is left to be carried out."""
        return self.done < self.revision or self.sealed_password is not None

    def with_access(self, *, open: bool) -> "Channel":  # noqa: A002
        """Ask for access or its end. Whoever loses access loses a waiting password, too."""
        return replace(
            self,
            open=open,
            revision=self.revision + 1,
            sealed_password=self.sealed_password if open else None,
        )

    def with_password(self, sealed: bytes) -> "Channel":
        """Ask for this password; one that waited before is not set any more."""
        return replace(self, sealed_password=sealed)

    def carried_out(self, seen: "Channel") -> "Channel":
        """After what `seen` asked for stands on Kafka; what was desired meanwhile stays due."""
        return replace(
            self,
            done=max(self.done, seen.revision),
            sealed_password=None if self.sealed_password == seen.sealed_password else self.sealed_password,
        )
