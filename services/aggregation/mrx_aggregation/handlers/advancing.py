"""What loops carry on, step by step. Each step can be repeated; a kill between two loses nothing."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from uuid import UUID

import mrx_matching
from mrx_shared.messages.aggregation import (
    ENTRIES_PER_PAGE,
    ListReleased,
    ReleasedEntry,
    ReleasePage,
    ReleasePublished,
    RoundClosed,
)

from mrx_aggregation.domain.disclosure import POLICY, Attributed, Decisions, Entry, attribute, decide
from mrx_aggregation.domain.names import CompanyNames
from mrx_aggregation.domain.pool import PoolSite, in_order
from mrx_aggregation.domain.resolution import Sourced, resolve_pool
from mrx_aggregation.domain.rounds import Round, RoundState
from mrx_aggregation.handlers.intake import judge_again, leave_waiting_rows, note_contribution, take_up
from mrx_aggregation.ports import (
    Diagnose,
    Diagnosis,
    DocumentStore,
    Linked,
    Owned,
    Release,
    Resolver,
    Transact,
    Work,
    Writer,
)

SITES_AT_ONCE = 1000


async def take_up_ready_lists(transact: Transact) -> None:
    """Judge the lists whose fact or round has come, each in a transaction of its own."""
    ready: list[tuple[UUID, UUID, int]] = []

    async def find(work: Work) -> None:
        ready.extend(await work.survey.ready())

    await transact(find)
    failures: list[Exception] = []
    for member_id, list_id, revision in ready:
        try:
            await transact(partial(take_up, list_id, revision), tenant=member_id)
        except Exception as error:  # noqa: BLE001  (one list's fault keeps no other list waiting; it is raised below)
            failures.append(error)
    if failures:
        raise failures[0]


async def advance_rounds(
    transact: Transact, *, resolver: Resolver, writer: Writer, store: DocumentStore, diagnose: Diagnose
) -> Sequence[Round]:
    """Bring closing rounds to `closed` and releasing rounds to `released`. Returns those that fail.

    Why a round fails is kept with it, until it succeeds. It is tried again after growing pauses, and keeps no other
    round waiting.
    """
    in_hand: list[Round] = []
    due: set[UUID] = set()

    async def find(work: Work) -> None:
        in_hand.extend(await work.rounds.in_hand())
        due.update(one.round_id for one in in_hand if one.due(work.now))

    await transact(find)
    failing = [one for one in in_hand if one.round_id not in due]
    for found in in_hand:
        if found.round_id not in due:
            continue

        async def carry(work: Work, round_id: UUID = found.round_id) -> None:
            # The lock lasts as long as this outer transaction, which does nothing else.
            if not await work.rounds.carry_alone(round_id):
                return
            current = await work.rounds.find(round_id)
            if current.state is RoundState.CLOSING:
                await freeze(current, transact, resolver=resolver, writer=writer)
            elif current.state is RoundState.RELEASING:
                await release(current, transact, writer=writer, store=store)

        try:
            await transact(carry)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is kept and shown)
            failing.append(await _keep_failure(found, diagnose(found, error), transact))
    return failing


async def _keep_failure(found: Round, diagnosis: Diagnosis, transact: Transact) -> Round:
    """Keep why the round did not come on, unless another process has brought it on."""
    kept = [found]

    async def keep(work: Work) -> None:
        current = await work.rounds.get_for_step(found.round_id)
        if current.state is found.state:
            kept[0] = current.failed(diagnosis.cause, permanent=diagnosis.permanent, at=work.now)
            await work.rounds.keep(kept[0], at=work.now)

    await transact(keep)
    return kept[0]


async def freeze(closing: Round, transact: Transact, *, resolver: Resolver, writer: Writer) -> None:
    """Judge the round's lists again, resolve their sites, decide what may be shown, and fix it all."""
    to_judge: list[tuple[UUID, UUID, int]] = []

    async def find(work: Work) -> None:
        to_judge.extend(await work.survey.to_judge(closing.round_id))

    await transact(find)
    for member_id, list_id, revision in to_judge:
        await transact(partial(judge_again_and_leave, list_id, revision, closing), tenant=member_id)
    compared_with = await resolver.latest_release_id()
    await resolve(closing, compared_with, resolver=resolver, writer=writer)

    async def fix(work: Work) -> None:
        current = await work.rounds.get_for_step(closing.round_id)
        if current.state is not RoundState.CLOSING:
            return
        frozen = current.freeze(await resolver.numbers(closing.round_id), compared_with=compared_with)
        await work.rounds.keep(frozen, at=work.now)
        work.emit(
            RoundClosed(round_id=frozen.round_id, as_of=frozen.as_of, closed_at=work.now),
            about=str(frozen.round_id),
        )

    await transact(fix)


async def judge_again_and_leave(list_id: UUID, revision: int, closing: Round, work: Work) -> None:
    """Judge a list by all that is known now; what still waits is left to the next round."""
    await judge_again(list_id, revision, closing, work)
    await note_contribution(list_id, revision, closing, work)
    await leave_waiting_rows(list_id, revision, closing, work)


async def resolve(closing: Round, compared_with: UUID | None, *, resolver: Resolver, writer: Writer) -> None:
    """From entries to links and pool: the links stay with the resolver, the writer gets sites alone."""
    round_id = closing.round_id
    resolved = await asyncio.to_thread(
        _resolved,
        await resolver.entries(round_id),
        groups=await resolver.groups(),
        released_before=await resolver.released_in(compared_with) if compared_with else None,
        company_names=await resolver.company_names(),
        key=await resolver.choice_key(),
        as_of=closing.as_of,
    )
    await resolver.keep_links(round_id, resolved.links)
    await resolver.keep_decisions(round_id, resolved.decisions, resolved.staying, compared_with=compared_with)
    await writer.keep_pool(round_id, resolved.pool)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resolved:
    links: Sequence[Linked]
    decisions: Decisions
    staying: Sequence[PoolSite]
    pool: Sequence[PoolSite]


def _resolved(
    owned: Sequence[Owned],
    *,
    groups: Mapping[UUID, UUID],
    released_before: Sequence[Attributed] | None,
    company_names: Iterable[str],
    key: bytes,
    as_of: date,
) -> _Resolved:
    """Arithmetic over all entries at once, for a thread of its own."""
    sites = resolve_pool(
        [Sourced(groups.get(one.member_id, one.member_id), one.audited) for one in owned],
        released_before or (),
        match=mrx_matching.resolve,
        published=mrx_matching.published,
        agreed=mrx_matching.agreed,
        key=key,
        as_of=as_of,
    )
    links = [
        Linked(
            member_id=one.member_id,
            list_id=one.list_id,
            revision=one.revision,
            row=one.row,
            entry=Entry(
                who=one.member_id,
                record=one.audited.described,
                audit_date=one.audited.audit_date,
                scheme_family=one.audited.scheme_family,
            ),
            site=site,
        )
        for one, site in zip(owned, sites, strict=True)
    ]
    # What was put together from several rows may say what none of them said.
    naming = CompanyNames(company_names).named_by({*sites, *(row.site for row in released_before or ())})
    outcome = decide(
        POLICY,
        attribute(((link.site, link.entry) for link in links), groups),
        released_before,
        as_of=as_of,
        unfit=naming,
    )
    return _Resolved(
        links=links,
        decisions=outcome.decisions,
        staying=outcome.staying,
        pool=in_order([*sites, *outcome.staying]),
    )


async def release(approved: Round, transact: Transact, *, writer: Writer, store: DocumentStore) -> None:
    """Write the documents from pool and decisions, then tell every participant."""
    assert approved.release_id is not None

    async def check(work: Work) -> None:
        await _published(approved.round_id, work)

    await transact(check)
    decisions = Decisions(policy=POLICY, as_of=approved.as_of, held=await writer.held(approved.round_id))
    unpublished, documents = await _write(
        approved, approved.release_id, decisions, writer=writer, store=store
    )

    async def tell(work: Work) -> None:
        released = await _published(approved.round_id, work)
        published = replace(unpublished, documents=documents, released_at=work.now)
        await work.rounds.publish_release(published)
        await work.rounds.keep(released, at=work.now)
        await _announce(published, work)
        await _emit_entries(published, writer, work, before=approved.compared_with)

    await transact(tell)


async def _write(
    approved: Round, release_id: UUID, decisions: Decisions, *, writer: Writer, store: DocumentStore
) -> tuple[Release, dict[str, str]]:
    """Write and publish the documents. They are never whole in memory, nor is the pool."""
    rows = held = 0
    async with store.documents(decisions) as documents:
        async with aclosing(writer.pool(approved.round_id, at_once=SITES_AT_ONCE)) as pool:
            async for sites in pool:
                shown = [site for site in sites if decisions.shows(site)]
                await documents.add(shown, await writer.keep_entry_ids(release_id, shown))
                rows += len(shown)
                held += len(sites) - len(shown)
        unpublished = Release(
            release_id=release_id, round_id=approved.round_id, as_of=approved.as_of, rows=rows, held=held
        )
        return unpublished, await documents.publish(unpublished)


async def _published(round_id: UUID, work: Work) -> Round:
    """The round as it stands once it is published. Raises `Rejected` where it may not be."""
    current = await work.rounds.get_for_step(round_id)
    return current.publish(
        newer_closed=await work.rounds.newer_closed(round_id), latest=await work.rounds.latest_release_id()
    )


async def _emit_entries(published: Release, writer: Writer, work: Work, *, before: UUID | None) -> None:
    """Say what each entry's site was before, so that requests for older entries find it. No document tells this."""
    assert published.rows is not None
    pages = -(-published.rows // ENTRIES_PER_PAGE)
    entries = writer.entries(published.release_id, before=before, at_once=ENTRIES_PER_PAGE)
    async with aclosing(entries) as parts:
        page = 0
        async for part in parts:
            page += 1
            work.emit(
                ReleasePage(
                    release_id=published.release_id,
                    round_id=published.round_id,
                    as_of=published.as_of,
                    page=page,
                    pages=pages,
                    entries=[ReleasedEntry.model_validate(one, from_attributes=True) for one in part],
                ),
                about=str(published.release_id),
            )


async def _announce(published: Release, work: Work) -> None:
    rows, documents = published.rows or 0, published.documents_for(secretariat=False)
    work.emit(
        ReleasePublished(
            release_id=published.release_id,
            round_id=published.round_id,
            as_of=published.as_of,
            rows=rows,
            documents=documents,
            released_at=work.now,
        ),
        about=str(published.round_id),
    )
    released = ListReleased(
        release_id=published.release_id,
        round_id=published.round_id,
        as_of=published.as_of,
        rows=rows,
        documents=documents,
        links_path=f"/v1/releases/{published.release_id}/links",
        released_at=work.now,
    )
    for member_id in await work.facts.participants():
        work.emit(released, about=str(member_id), to=member_id)
