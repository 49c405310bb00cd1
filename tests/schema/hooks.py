"""What the runs against the descriptions add to Schemathesis: somebody signed in, ids that exist, and the tokens of links.

VOUCHSAFE_PEOPLE names the file of people.mjs, VOUCHSAFE_ROOT the address of the services.
"""

import json
import os
import random
import re
import urllib.request

import schemathesis

ROOT = os.environ["VOUCHSAFE_ROOT"]
with open(os.environ["VOUCHSAFE_PEOPLE"], encoding="utf-8") as file:
    PEOPLE = json.load(file)
PERSON = PEOPLE[os.environ["VOUCHSAFE_PERSON"]]
IDS = PERSON["ids"]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}\Z")
CHOICE = random.Random(1)

# Whose id stands in the path, by the path's first word; and in a body, by the member's name.
PATHS = {
    "cards": "card",
    "invitations": "invitation",
    "connections": "connection",
    "shares": "share",
    "spaces": "space",
    "links": "link",
    "files": "file",
}
MEMBERS = {"connectionId": "connection", "invitationId": "invitation", "recipient": "account", "spaceId": "space"}


@schemathesis.auth(refresh_interval=120)
class Bearer:
    """The session for the Keystore, a fresh token for the Vault."""

    def get(self, case, ctx):
        if not os.environ["VOUCHSAFE_SERVICE"] == "vault":
            return PERSON["session"]
        request = urllib.request.Request(
            f"{ROOT}/keystore/v1/tokens",
            data=json.dumps({"audience": f"{ROOT}/vault"}).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {PERSON['session']}"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["token"]

    def set(self, case, data, ctx):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


def existing(kind, value):
    """An id that exists, in two of three places where any valid id would do: what is valid or not stays so."""
    if isinstance(value, str) and UUID.match(value) and CHOICE.randrange(3):
        return CHOICE.choice(IDS[kind])
    return value


def in_body(value, kind):
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "ids" and isinstance(inner, list):
                value[name] = [existing(kind, each) for each in inner]
            elif name == "files" and isinstance(inner, list):
                value[name] = [existing("file", each) for each in inner]
            elif name in MEMBERS:
                value[name] = existing(MEMBERS[name], inner)
            else:
                in_body(inner, kind)
    elif isinstance(value, list):
        for inner in value:
            in_body(inner, kind)


def as_reader(case):
    """Shows what somebody who has the link would, in two of three requests that have tokens."""
    reading = PEOPLE["readings"].get((case.path_parameters or {}).get("id"))
    if reading is None or not isinstance(case.body, dict) or CHOICE.randrange(3) == 0:
        return
    for name, token in reading.items():
        if TOKEN.match(str(case.body.get(name))):
            case.body[name] = token


@schemathesis.hook
def before_call(context, case, kwargs):
    kind = PATHS.get(case.operation.path.split("/")[2])
    if kind is None:
        return
    if case.path_parameters and "id" in case.path_parameters:
        case.path_parameters["id"] = existing(kind, case.path_parameters["id"])
    if case.path_parameters and "file" in case.path_parameters:
        case.path_parameters["file"] = existing("file", case.path_parameters["file"])
    in_body(case.body, kind)
    if kind == "link":
        as_reader(case)
