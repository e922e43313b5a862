"""The portal's pages read what the services' published documents say, and call what they offer."""

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from mrx_portal.handlers import shapes
from mrx_portal.ports import Service

ROOT = Path(__file__).resolve().parents[3]
HANDLERS = ROOT / "services/portal/mrx_portal/handlers"
READ = [
    (shapes.Participation, "registry", "ParticipationAnswer"),
    (shapes.RecognisedProtocol, "registry", "ProtocolAnswer"),
    (shapes.Signature, "registry", "SignedAnswer"),
    (shapes.Member, "registry", "MemberAnswer"),
    (shapes.Members, "registry", "MembersAnswer"),
    (shapes.Principal, "registry", "PrincipalAnswer"),
    (shapes.Release, "aggregation", "ReleaseShown"),
    (shapes.Link, "aggregation", "LinkShown"),
    (shapes.Numbers, "aggregation", "NumbersShown"),
    (shapes.Round, "aggregation", "RoundShown"),
    (shapes.Rounds, "aggregation", "RoundsShown"),
    (shapes.Supplier, "report_request", "SupplierShown"),
    (shapes.Report, "report_request", "ReportShown"),
    (shapes.Decision, "report_request", "DecisionShown"),
    (shapes.Past, "report_request", "HappenedShown"),
    (shapes.Request, "report_request", "RequestShown"),
    (shapes.Requests, "report_request", "RequestsShown"),
    (shapes.Refused, "report_request", "RefusedShown"),
    (shapes.BulkRow, "report_request", "RowShown"),
    (shapes.BulkRows, "report_request", "BulkShown"),
    (shapes.NumbersOfRound, "report_request", "NumbersShown"),
    (shapes.NumbersOfRounds, "report_request", "NumbersListed"),
    (shapes.Quarantined, "exchange_adapter", "HeldShown"),
    (shapes.Quarantine, "exchange_adapter", "QuarantineShown"),
    (shapes.Link, "exchange_adapter", "LinkMinted"),
    (shapes.Assessment, "benchmark", "AssessmentShown"),
    (shapes.Assessments, "benchmark", "AssessmentsShown"),
    (shapes.WholeAssessment, "benchmark", "AssessmentWhole"),
    (shapes.Answer, "benchmark", "AnswerShown"),
    (shapes.Figures, "benchmark", "FiguresShown"),
    (shapes.Question, "benchmark", "QuestionShown"),
    (shapes.Appeal, "benchmark", "AppealShown"),
    (shapes.Step, "benchmark", "StepShown"),
    (shapes.Draft, "benchmark", "DraftShown"),
    (shapes.Drafts, "benchmark", "DraftsShown"),
    (shapes.DraftWhole, "benchmark", "DraftWhole"),
    (shapes.FileTaken, "benchmark", "FileTaken"),
    (shapes.RefusedRow, "benchmark", "FaultShown"),
    (shapes.CriteriaVersion, "benchmark", "CriteriaShown"),
    (shapes.CriteriaVersions, "benchmark", "CriteriaListed"),
    (shapes.Successor, "benchmark", "SuccessorShown"),
    (shapes.Evolution, "benchmark", "EvolutionShown"),
    (shapes.Comment, "benchmark", "CommentShown"),
    (shapes.Waiver, "benchmark", "WaiverShown"),
    (shapes.WhatIf, "benchmark", "WhatIfShown"),
    (shapes.ProtocolVersion, "benchmark", "VersionShown"),
    (shapes.Protocol, "benchmark", "ProtocolShown"),
    (shapes.Protocols, "benchmark", "ProtocolsShown"),
]


@cache
def document(service: str) -> Any:  # noqa: ANN401
    return json.loads((ROOT / f"contracts/http/{service}.openapi.json").read_text())


@pytest.mark.parametrize(("shape", "service", "name"), READ)
def test_every_field_that_a_page_reads_is_published(
    shape: type[shapes.Shape], service: str, name: str
) -> None:
    published = document(service)["components"]["schemas"][name]["properties"]

    assert shape.model_fields.keys() <= published.keys()


def calls() -> set[tuple[str, str, str]]:
    """Service, method and path of each call in the handlers of these pages; what is filled in is `{}`."""
    found: set[tuple[str, str, str]] = set()
    for name in ("member", "secretariat", "reviewer", "released", "assessing", "criteria"):
        for node in ast.walk(ast.parse((HANDLERS / f"{name}.py").read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="get" | "post" | "fetch" as method),
                    args=[ast.Attribute(value=ast.Name(id="Service")) as called, where, *_],
                ):
                    service = ast.unparse(called).removeprefix("Service.")
                    path = ast.unparse(where).lstrip("f").strip("'\"").replace("{REQUESTS}", "REQUESTS")
                    path = re.sub(r"\{[^}]*\}", "{}", path.replace("REQUESTS", "/v1/requests"))
                    found.add((Service[service].value, method.replace("fetch", "get"), path))
                case _:
                    pass
    return found


def test_every_call_is_offered() -> None:
    made = calls()
    offered = {
        (service, method, re.sub(r"\{[^}]*\}", "{}", path))
        for service in {one for one, _, _ in made}
        for path, methods in document(service)["paths"].items()
        for method in methods
    }

    assert len(made) > 25
    assert made - offered == set()
