"""How many mailboxes a member may have written to for one site: hashes are kept as long as contacts are."""

from collections.abc import Collection, Mapping
from hashlib import sha256

from mrx_shared.refusals import Invalid, Rejected
from mrx_shared.wording import mailbox_of

from mrx_report_request.domain.requests import CONTACTS_KEPT, MOST_ADDRESSES
from mrx_report_request.ports import Work


async def named_contacts(site_tokens: Collection[str], work: Work) -> dict[str, set[str]]:
    """The hashes of the mailboxes that the member named for each of these sites."""
    found = await work.contacts.named(site_tokens, since=work.now - CONTACTS_KEPT)
    return {site: set(found.get(site, ())) for site in site_tokens}


def check_apart(contact: str, requester: str | None, *, field: str) -> None:
    """Raise `Invalid` where mails to the requester, which wait for no slot, would go to the supplier."""
    if requester is not None and mailbox_of(requester) == mailbox_of(contact):
        raise Invalid(
            "the supplier's contact and the address to notify are the same mailbox",
            field=field,
            remedy="give the supplier's address for the contact, and one of your own company for the notification",
        )


def name_contact(site_token: str, address: str, named: Mapping[str, set[str]], *, field: str) -> str:
    """Count a mailbox among those named for the site, and return its hash. Raises `Rejected` for one too many."""
    known = named[site_token]
    # The site's token makes the hash of one mailbox another for every site.
    hashed = sha256(f"{site_token} {mailbox_of(address)}".encode()).hexdigest()
    if hashed not in known and len(known) >= MOST_ADDRESSES:
        raise Rejected(
            f"you gave {MOST_ADDRESSES} other addresses for this site within {CONTACTS_KEPT.days} days",
            field=field,
            remedy="give one of those again, or ask the supplier for its correct address and wait",
        )
    known.add(hashed)
    return hashed
