"""What the OpenAPI document promises, tried by schemathesis with all its checks on, against a server of its own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from schemathesis.schemas import BaseSchema

from tests.commands.running import call, started
from tests.test_covers import picture
from toybackend.web.application import ROUTES
from toybackend.web.openapi import document
from toybackend.web.routing import Who

CLIP = Path(__file__).parents[1] / "clips" / "hello.m4a"
PASSWORD = "three brave little ducks"
ROOT = "root"
EXAMPLES = 5
"""Besides what schemathesis makes of every limit in the document."""
PATIENCE = 10.0
FORM_LEFT_EMPTY = {"title": "", "audio": "", "cover": ANY}
"""What schemathesis makes of a form once it was told what a picture is, and calls valid."""

# What is said to be a picture has to be one.
for kind in ("PNG", "JPEG", "WEBP"):
    schemathesis.openapi.media_type(f"image/{kind.lower()}", st.just(picture(20, 20, kind)))
ACCEPTED = ["2xx", "401", "403", "404", "409", "422", "429"]
"""What may become of a body that has the right shape: 422 says that its words cannot be used, such as a password that
everybody tries first. Not in it: 400, and everything from 500 on."""
CONFIG = schemathesis.Config.from_dict({"checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}}})

PROMISED = json.loads(msgspec.json.encode(document(ROUTES)))

schema = schemathesis.pytest.from_fixture("promised")


class NoCookies(DefaultCookiePolicy):
    """We show a token where one is due, and nothing where none is."""

    def set_ok(self, cookie: object, request: object) -> bool:
        return False


@dataclass
class Server:
    """A server, and a family on it for each operation that changes something: what one erases no other one misses."""

    url: str
    http: requests.Session
    operator: str = ""
    tried: set[str] = field(default_factory=set)
    """Operations, such as `GET /toys`."""
    _families: dict[str, Family] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def family(self, operation: str) -> Family:
        self.tried.add(operation)
        whose = "those who only look" if operation.startswith("GET ") else operation
        if whose not in self._families:
            self._families[whose] = self._add_family()
        return self._families[whose]

    def _add_family(self) -> Family:
        registered = self.call("POST", "/accounts", json={"name": f"mum {next(self._numbers)}", "password": PASSWORD})
        mum, mum_id = registered["token"], registered["account"]["id"]
        issued = self.call("POST", "/devices", self.operator, json={"count": 2})["devices"]
        toys = [self.call("POST", "/devices/authorize", json={"license": one["license"]}) for one in issued]
        bound = self.call("POST", "/toys", mum, json={"claim": toys[0]["claim"]["code"], "name": "Bear"})
        group = self.call("POST", "/groups", mum, json={"name": "Sunday", "members": [bound["id"]]})
        item = self._upload(mum)
        session = self.call("GET", "/sessions", mum)["sessions"][0]["id"]
        tokens = {
            Who.PERSON: mum,
            Who.PERSON_OR_TOY: mum,
            Who.WAITING_TOY: toys[1]["token"],
            Who.OPERATOR: self.operator,
        }
        ids = {
            "toy_id": bound["id"],
            "conversation_id": bound["id"],
            "party_id": bound["id"],
            "person_id": mum_id,
            "group_id": group["id"],
            "item_id": item,
            "sound_id": item,
            "session_id": session,
            "device_id": issued[0]["device_id"],
        }
        return Family(tokens, ids)

    def _upload(self, mum: str) -> str:
        with CLIP.open("rb") as clip:
            form = {"title": (None, "Lullaby"), "category": (None, "songs"), "audio": ("song.m4a", clip)}
            return str(self.call("POST", "/library", mum, files=form)["id"])

    def call(self, method: str, path: str, token: str = "", **given: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        reply = self.http.request(method, f"{self.url}/api/v1{path}", headers=headers, timeout=PATIENCE, **given)
        assert reply.ok, (method, path, reply.text)
        return reply.json()


@dataclass(frozen=True)
class Family:
    tokens: dict[Who, str]
    ids: dict[str, str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("fuzz") / "data"
    assert call("user", "add", ROOT, "--operator", "--data", data, stdin=PASSWORD + "\n").code == 0
    generous = {"REGISTRATIONS_PER_HOUR": "1000000", "LOG_LEVEL": "ERROR"}
    with started("serve", "--data", data, "--http-port", 0, "--ws-port", 0, **generous) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split("http=")[1].split()[0]
        with requests.Session() as http:
            http.cookies.set_policy(NoCookies())
            found = Server(url, http)
            found.operator = found.call("POST", "/sessions", json={"name": ROOT, "password": PASSWORD})["token"]
            yield found
        process.terminate()
        assert found.tried == {f"{verb.upper()} {path}" for path, at in PROMISED["paths"].items() for verb in at}
        assert process.stderr is not None
        assert process.stderr.read() == ""  # whatever was sent, we had nothing to complain of


@pytest.fixture
def promised(request: pytest.FixtureRequest) -> BaseSchema:
    """Read when the test runs: to make up the cases of all operations takes seconds, in every process that only wants
    to know which tests there are."""
    request.node._nodeid = request.node.nodeid  # where schemathesis looks for it, and pytest had it before 9.1
    return schemathesis.openapi.from_dict(PROMISED, config=CONFIG)


@pytest.mark.timeout(400)  # it is all operations
@schema.parametrize()
@settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), derandomize=True)
def test_the_server_does_what_the_document_says(case: Any, server: Server) -> None:
    if case.body == FORM_LEFT_EMPTY:
        return
    family = server.family(case.operation.label)
    who = Who(case.operation.definition.raw["x-who"])
    if case.meta.generation.mode.is_positive:
        put_what_exists(case, family)
    # A header that was made up to be wrong stays as it is.
    is_ours = who is not Who.ANYONE and "Authorization" not in (case.headers or {})
    headers = {"Authorization": f"Bearer {family.tokens[who]}"} if is_ours else {}
    case.call_and_validate(base_url=server.url, session=server.http, headers=headers, timeout=PATIENCE)


def put_what_exists(case: Any, family: Family) -> None:
    """Half of the time, or hardly anything would ever be found."""
    for name, made_up in case.path_parameters.items():
        if name in family.ids and len(str(made_up)) % 2:
            case.path_parameters[name] = family.ids[name]
