"""One demo: from empty servers to the released list that a member checked its suppliers against."""

import asyncio
import json
import os
import shutil
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from mrx_shared.api.aggregation import Numbers
from mrx_shared.refusals import Invalid, Rejected, Unavailable

from mrx_local.credentials import Credentials
from mrx_local.demo.exchange import Setting, choose, exchange, implied
from mrx_local.demo.expected_results import (
    Findings,
    check_findings,
    check_release,
    check_suppliers,
    plainly_good,
    reckon,
    refused_in,
)
from mrx_local.demo.mailbox import Mailbox
from mrx_local.demo.progress import ProgressLog, Stage
from mrx_local.demo.scenario import AS_OF, Scenario, SentList, Size, Variation, invent, read_given
from mrx_local.demo.scheme import Scheme, TimeLimits
from mrx_local.memory import peak_mib
from mrx_local.people import introduce_person
from mrx_local.stack import Stack, running_stack
from mrx_local.state_files import slug, typed_password

LEAST_PRECISION = 0.95
PUBLISHING_AT_ONCE = 2
INFRASTRUCTURE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What whoever starts a demo asked for."""

    seed: int
    given: Path | None
    out: Path
    keep: bool
    servers: Path
    """folder of the demo's own servers, emptied first"""
    size: Size = field(default_factory=Size)
    """how much is invented"""
    variation: Variation = field(default_factory=Variation)


async def play(options: DemoOptions) -> int:
    """Run a demo and write `summary.json`. Returns 0 only if every figure is what the lists imply."""
    progress = ProgressLog()
    if options.given is not None and any(
        options.given.is_relative_to(folder)
        for folder in (
            options.out / "lists",
            options.out / "release",
            options.out / "reports",
            options.servers,
        )
    ):
        raise Invalid(
            f"{options.given} lies in a folder that the demo empties",
            field="LISTS",
            remedy="copy the lists elsewhere, or name another OUT",
        )
    work = _empty_folders(options)
    async with progress.step("generate") as say:
        scenario = (
            await asyncio.to_thread(
                invent,
                options.seed,
                options.out / "lists",
                work,
                size=options.size,
                variation=options.variation,
            )
            if options.given is None
            else await asyncio.to_thread(read_given, options.seed, options.given, options.out / "lists", work)
        )
        for note in scenario.notes:
            say(note)
        rows = sum(len(one.rows) for one in scenario.lists)
        say(
            f"{len(scenario.lists)} lists with {rows:,} rows are written, {len(scenario.actors)} members to admit"
        )
    settings = {
        "MRX_ENVIRONMENT": "demonstration",
        "MRX_EXCHANGE_ADAPTER_PLATFORM_POLL_S": "1",
        "MRX_AGGREGATION_RELEASE_KEY": sha256(f"release of demo {options.seed}".encode()).hexdigest(),
    }
    began = time.monotonic()
    async with running_stack(options.servers, settings=settings, say=progress.say) as stack:
        progress.seconds["stack"] = round(time.monotonic() - began, 2)
        progress.say(f"the stack is ready in {stack.ready_s:.1f} s")
        summary, findings = await _run(options, scenario, stack, progress, work)
        (options.out / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        _show(summary, findings, progress)
        progress.table(summary["peak_memory_mib"])
        if options.keep:
            await _show_pages(scenario.checking, stack, progress)
            progress.say("the stack stays up until `make down`")
            stack.supervisor.publish(demo_exit=1 if findings.differences else 0)
            await asyncio.Event().wait()
    return 1 if findings.differences else 0


async def _show_pages(member: str, stack: Stack, progress: ProgressLog) -> None:
    """Let a person of the member sign in too, and say where the pages are and who can open them."""
    await introduce_person(
        stack.services,
        f"Person of {member}",
        member_id=stack.credentials.member(member)["member_id"],
        email=f"{slug(member).encode('ascii', 'ignore').decode().strip('-') or 'member'}@mrx.example",
        password=typed_password(),
        credentials=stack.credentials,
    )
    progress.say(f"the pages are at {stack.urls['portal']}/sign-in; kept in credentials.json, too:")
    for who, sign_in in stack.credentials.sign_ins.items():
        progress.say(f"  {who:28} {sign_in['email']:44} {sign_in['password']}")


def _empty_folders(options: DemoOptions) -> Path:
    for folder in (options.out / "lists", options.out / "release", options.out / "reports"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for name in ("check.csv", "summary.json"):
        (options.out / name).unlink(missing_ok=True)
    shutil.rmtree(options.servers, ignore_errors=True)
    work = options.servers / "work"
    work.mkdir(parents=True)
    return work


async def _run(
    options: DemoOptions, scenario: Scenario, stack: Stack, progress: ProgressLog, work: Path
) -> tuple[dict[str, Any], Findings]:
    findings = Findings()
    patience = TimeLimits.of(members=len(scenario.actors), rows=sum(len(one.rows) for one in scenario.lists))
    scheme = Scheme(stack.services, stack.credentials, patience=patience)
    async with progress.step("members") as say:
        await scheme.admit(scenario.actors, say)
        groups = {actor.group for actor in scenario.actors}
        say(f"{len(scenario.actors)} members of {len(groups)} corporate groups are admitted")
    equivalent = await _benchmark(scheme, scenario, progress, findings)
    participants = await _sign(scheme, scenario, progress, findings)
    round_id = await scheme.open_round(AS_OF)
    async with progress.step("lists") as say:
        receipts = await _publish(
            stack.credentials, scenario, work, say, page_rows=options.variation.page_rows
        )
    numbers = await _release(round_id, scheme, progress)
    async with progress.step("fetch"):
        await _mrx(stack.credentials, scenario.checking, "fetch", "--out", str(options.out / "release"))
    async with progress.step("check") as say:
        checked = await _check(stack.credentials, scenario, options.out)
        say(
            f"{scenario.checking} checked {checked['suppliers']} suppliers: {checked['listed']} listed, "
            f"{checked['audited_by_us']} audited by itself, {checked['to_request']} to request"
        )
    asked = choose(options.seed, options.out / "check.csv", options.out / "release")
    mailbox = Mailbox(stack.mails)
    async with progress.step("exchange") as say:
        exchanged = await exchange(
            asked,
            Setting(
                seed=options.seed,
                member=scenario.checking,
                caller=scheme.members[scenario.checking],
                operator=scheme.operator,
                run=partial(_mrx, stack.credentials, scenario.checking),
                portal=stack.urls["portal"],
                platform=stack.platform_url,
                platform_secret=stack.settings["MRX_PLATFORM_CONTROL_SECRET"],
                mailbox=mailbox,
                move_clock=stack.move_clock,
                out=options.out,
                work=work,
                say=say,
                patience_s=patience.request_s,
            ),
        )
    async with progress.step("expected_results") as say:
        say("every figure is worked out again, from the lists alone")
        refused = {one.member: refused_in(work / f"refused-{one.path.stem}.csv") for one in scenario.lists}
        expected = await asyncio.to_thread(reckon, scenario, refused)
        reckoned = await asyncio.to_thread(check_release, options.out / "release", expected, findings)
        check_suppliers(options.out / "check.csv", scenario.drawn, findings)
        findings.same(
            "figures of check.csv",
            checked,
            check_findings(options.out / "check.csv", options.out / "release"),
        )
    _compare_rows(scenario, receipts, refused, findings)
    contributing = {actor.group for actor in scenario.actors if actor.name in receipts}
    summary = {
        "seed": options.seed,
        "members": len(scenario.actors),
        "equivalent": equivalent,
        "signed": len(participants),
        "independent_groups": numbers.independent_groups,
        "lists": numbers.lists,
        "rows_sent": sum(one["rows"] for one in receipts.values()),
        "rows_accepted": sum(one["accepted"] for one in receipts.values()),
        "rows_refused": sum(one["refused"] for one in receipts.values()),
        "rows_waiting": sum(one["waiting"] for one in receipts.values()),
        "sites": numbers.sites,
        "sites_on_several_lists": numbers.sites_on_several_lists,
        "released": numbers.released,
        "held": numbers.held,
        "release_sha256": dict(reckoned.hashes),
        "check": checked,
        **exchanged,
        "matching": None
        if expected.precision is None or expected.recall is None
        else {"precision": round(expected.precision, 4), "recall": round(expected.recall, 4)},
        "seconds": {**progress.seconds, "total": round(time.monotonic() - progress.began, 2)},
        "memory_mib": round(stack.supervisor.memory_mib()),
        "peak_memory_mib": await _peaks(stack),
    }
    for name, figures in implied(asked, mailbox.delivered()).items():
        findings.same(name, exchanged[name], figures)
    findings.same("lists", summary["lists"], len(scenario.lists))
    findings.same("independent groups", summary["independent_groups"], len(contributing))
    findings.same("sites", summary["sites"], reckoned.sites)
    findings.same("sites on several lists", summary["sites_on_several_lists"], reckoned.on_several_lists)
    findings.same("rows of the round", numbers.rows, summary["rows_sent"])
    findings.same("accepted rows of the round", numbers.accepted, summary["rows_accepted"])
    findings.same("sites = released + held", summary["sites"], summary["released"] + summary["held"])
    findings.same("held in a first release", summary["held"], 0)
    if expected.precision is not None:
        findings.true(
            f"precision {expected.precision:.4f} against {scenario.truth} is below {LEAST_PRECISION}",
            expected.precision >= LEAST_PRECISION,
        )
    return summary, findings


async def _benchmark(scheme: Scheme, scenario: Scenario, progress: ProgressLog, findings: Findings) -> int:
    async with progress.step("benchmark") as say:
        verdicts = await scheme.assess_public()
        for verdict in verdicts:
            say(f"SMETA {verdict.version}: {verdict.commonality} % in common, {verdict.equivalent}")
        findings.true("SMETA is not equivalent", all(one.equivalent == "yes" for one in verdicts))
        equivalent = 0
        for actor in scenario.actors:
            if actor.protocol is None:
                await scheme.adopt(actor.name)
                equivalent += 1
                continue
            verdict = await scheme.assess_own(actor)
            equivalent += verdict.equivalent == "yes"
            say(f"{actor.protocol.code}: {verdict.commonality} % in common, {verdict.equivalent}")
            findings.same(
                f"{actor.protocol.code} equivalent",
                (verdict.equivalent, str(verdict.commonality)),
                ("no", "84.99") if actor.falls_short else ("yes", "100.00"),
            )
            if not actor.falls_short:
                await scheme.wait_for_own_protocol(actor.name)
    return equivalent


async def _sign(scheme: Scheme, scenario: Scenario, progress: ProgressLog, findings: Findings) -> list[str]:
    async with progress.step("statement") as say:
        await scheme.publish_statement()
        for actor in scenario.actors:
            try:
                await scheme.sign(actor.name)
            except Rejected as refusal:
                say(f"{actor.name} may not sign: {refusal.reason}")
                findings.true(f"{actor.name} was not let sign", actor.falls_short)
        participants = await scheme.participants()
        say(f"{len(participants)} members signed the joint statement and take part")
        may = [actor.name for actor in scenario.actors if not actor.falls_short]
        findings.same("participants", sorted(participants), sorted(may))
    return participants


async def _publish(
    credentials: Credentials,
    scenario: Scenario,
    work: Path,
    say: Stage,
    *,
    page_rows: int,
) -> dict[str, Mapping[str, Any]]:
    """Every member publishes its list with its own credentials. Returns the receipts by member."""
    receipts: dict[str, Mapping[str, Any]] = {}
    gate = asyncio.Semaphore(PUBLISHING_AT_ONCE)

    async def one(sent: SentList) -> None:
        async with gate:
            told = await _mrx(
                credentials,
                sent.member,
                "publish",
                str(sent.path),
                "--receipt",
                str(work / f"refused-{sent.path.stem}.csv"),
                "--page-rows",
                str(page_rows),
            )
        receipts[sent.member] = told
        say.so_far = f"{len(receipts)} of {len(scenario.lists)} lists"
        say(
            f"{sent.member}: {told['rows']:,} rows sent, {told['accepted']:,} accepted, "
            f"{told['refused']} refused, {told['waiting']} waiting"
        )

    try:
        async with asyncio.TaskGroup() as tasks:
            for sent in scenario.lists:
                tasks.create_task(one(sent))
    except ExceptionGroup as failed:
        # One list's failure ends the demo; the first says why.
        raise failed.exceptions[0] from None
    return receipts


async def _release(round_id: UUID, scheme: Scheme, progress: ProgressLog) -> Numbers:
    """Close the round and release its list. Returns the round's numbers."""
    began = time.monotonic()
    async with progress.step("close") as say:
        await scheme.close_round(round_id, say)
        say("the round is closed: every list judged again, sites resolved, the pool frozen")
    async with progress.step("release") as say:
        numbers = (await scheme.release(round_id, say)).numbers
        say(f"the list is released by two people: {numbers.released:,} sites, {numbers.held} held")
    progress.seconds["close_to_released"] = round(time.monotonic() - began, 2)
    return numbers


async def _check(credentials: Credentials, scenario: Scenario, out: Path) -> dict[str, int]:
    told = await _mrx(
        credentials,
        scenario.checking,
        "check",
        str(scenario.suppliers),
        "--released",
        str(out / "release"),
        "--out",
        str(out / "check.csv"),
    )
    return {name: told[name] for name in ("suppliers", "listed", "audited_by_us", "to_request")}


def _compare_rows(
    scenario: Scenario,
    receipts: Mapping[str, Mapping[str, Any]],
    refused: Mapping[str, set[str]],
    findings: Findings,
) -> None:
    for one in scenario.lists:
        told = receipts[one.member]
        findings.same(f"{one.member}: rows", told["rows"], len(one.rows))
        findings.same(f"{one.member}: refused rows", told["refused"], len(refused[one.member]))
        findings.same(f"{one.member}: waiting rows", told["waiting"], 0)
        findings.same(
            f"{one.member}: accepted rows", told["accepted"], len(one.rows) - len(refused[one.member])
        )
        if any(row.fault for row in one.rows):
            planted = {row.values["row_ref"] for row in one.rows if row.fault}
            findings.same(f"{one.member}: refused but good", sorted(refused[one.member] - planted), [])
            findings.same(f"{one.member}: planted but accepted", sorted(planted - refused[one.member]), [])
        else:
            names = [actor.name for actor in scenario.actors]
            good = {
                row.values["row_ref"] for row in one.rows if row.fault is None and plainly_good(row, names)
            }
            findings.same(f"{one.member}: refused but good", sorted(refused[one.member] & good), [])


async def _peaks(stack: Stack) -> dict[str, float]:
    """What each process held at most: those of the stack, and this one."""
    return {**await stack.supervisor.peaks_mib(), "demo": peak_mib(os.getpid(), children=False)}


async def _mrx(credentials: Credentials, member: str, *arguments: str) -> dict[str, Any]:
    """Run `mrx member …` as a member would, on its own machine, and return the figures that it prints."""
    command = (
        str(Path(sysconfig.get_path("scripts")) / "mrx"),
        "member",
        "--profile",
        str(credentials.profile(member)),
        *arguments,
        "--json",
    )
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        stdout, stderr = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode:
        said = stderr.decode(errors="replace").strip()[-1500:]
        kind = Unavailable if process.returncode == INFRASTRUCTURE else Rejected
        raise kind(f"mrx member {arguments[0]} of {member} ended with {process.returncode}: {said}")
    told: dict[str, Any] = json.loads(stdout)
    return told


def _show(summary: Mapping[str, Any], findings: Findings, progress: ProgressLog) -> None:
    matching: Mapping[str, float] | None = summary["matching"]
    progress.say(
        f"{summary['rows_sent']:,} rows sent, {summary['rows_accepted']:,} accepted, {summary['rows_refused']} refused; "
        f"{summary['sites']:,} sites, {summary['sites_on_several_lists']:,} on several lists; "
        f"{summary['released']:,} released, {summary['held']} held"
    )
    requests, reports = summary["requests"], summary["reports"]
    progress.say(
        f"{requests['sent']} reports asked for: {requests['uploaded']} uploaded, {requests['platform']} by the platform, "
        f"{requests['declined']} declined, {requests['expired']} expired; {reports['sha256_equal']} of "
        f"{reports['stored']} arrived byte for byte; {summary['avoided']} audits avoided, "
        f"EUR {summary['avoided_eur']:,}; {summary['mails']} mails"
    )
    if matching:
        progress.say(f"matching: precision {matching['precision']:.4f}, recall {matching['recall']:.4f}")
    progress.say(f"memory of the stack: {summary['memory_mib']:,} MiB")
    for difference in findings.differences:
        progress.say(f"DIFFERS  {difference}")
    if not findings.differences:
        progress.say("every figure is what the lists imply")
