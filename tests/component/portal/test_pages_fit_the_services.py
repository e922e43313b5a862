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
    (shapes.Participation, "registry", "Participation"),
    (shapes.RecognisedProtocol, "registry", "RecognisedProtocol"),
    (shapes.Signature, "registry", "OwnSignature"),
    (shapes.Member, "registry", "Member"),
    (shapes.Members, "registry", "Members"),
    (shapes.Principal, "registry", "Principal"),
    (shapes.Release, "aggregation", "Release"),
    (shapes.Link, "aggregation", "Link"),
    (shapes.Numbers, "aggregation", "Numbers"),
    (shapes.Round, "aggregation", "Round"),
    (shapes.Rounds, "aggregation", "Rounds"),
    (shapes.Supplier, "report_request", "Supplier"),
    (shapes.Report, "report_request", "Report"),
    (shapes.Decision, "report_request", "Decision"),
    (shapes.Past, "report_request", "Change"),
    (shapes.Request, "report_request", "Request"),
    (shapes.Requests, "report_request", "Requests"),
    (shapes.Refused, "report_request", "Refusal"),
    (shapes.BulkRow, "report_request", "RequestResult"),
    (shapes.BulkRows, "report_request", "RequestResults"),
    (shapes.NumbersOfRound, "report_request", "RoundNumbers"),
    (shapes.NumbersOfRounds, "report_request", "Numbers"),
    (shapes.Quarantined, "exchange_adapter", "QuarantinedFile"),
    (shapes.Quarantine, "exchange_adapter", "Quarantine"),
    (shapes.Link, "exchange_adapter", "Link"),
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
    (shapes.Reviewer, "registry", "Reviewer"),
    (shapes.Reviewers, "registry", "Reviewers"),
    (shapes.Suggestion, "benchmark", "SuggestionShown"),
    (shapes.Requirement, "benchmark", "RequirementShown"),
    (shapes.Suggestions, "benchmark", "SuggestionsShown"),
    (shapes.Extension, "benchmark", "ExtensionShown"),
    (shapes.Extensions, "benchmark", "ExtensionsShown"),
    (shapes.KeptFile, "benchmark", "EvidenceShown"),
    (shapes.KeptFiles, "benchmark", "EvidenceListed"),
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
    for name in ("member", "secretariat", "reviewer", "released", "assessing", "mapping", "criteria"):
        for node in ast.walk(ast.parse((HANDLERS / f"{name}.py").read_text())):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="get" | "post" | "fetch" | "send" as method),
                    args=[ast.Attribute(value=ast.Name(id="Service")) as called, where, *_],
                ):
                    service = ast.unparse(called).removeprefix("Service.")
                    path = ast.unparse(where).lstrip("f").strip("'\"").replace("{REQUESTS}", "REQUESTS")
                    path = re.sub(r"\{[^}]*\}", "{}", path.replace("REQUESTS", "/v1/requests"))
                    found.add(
                        (Service[service].value, {"fetch": "get", "send": "post"}.get(method, method), path)
                    )
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
