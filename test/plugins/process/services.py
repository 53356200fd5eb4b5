"""Services of several kinds, for tests: a file with the pod's uid, tokens of a table, and what goes wrong where a name asks for it."""

import json
import os
import shutil
import sys
import time

USERS = {"a-token-for-amy": {"username": "amy", "groups": ["dev", "system:authenticated"]}}


class Refused(Exception):
    def __init__(self, reason, message):
        super().__init__(message)
        self.reason = reason


def set_up(request):
    if request["volume"].get("ephemeral", {}).get("missing"):
        raise Refused("NotFound", "there is no such volume")
    with open(os.path.join(request["dir"], "uid"), "w") as file:
        file.write(request["pod"]["metadata"]["uid"])
    return request["dir"]


def tear_down(request):
    shutil.rmtree(request["dir"], ignore_errors=True)


def authenticate(credentials):
    certificate = credentials.get("certificate")
    if certificate and certificate["commonName"]:
        groups = certificate["organizations"] + ["system:authenticated"]
        return {"username": certificate["commonName"], "groups": groups}
    if credentials.get("token") == "strange":
        raise Refused("Nonesuch", "no reason that there is")
    if credentials.get("token") == "nameless":
        return {"username": "", "groups": []}
    return USERS.get(credentials.get("token"))


def trouble(name):
    if name == "sloth":
        time.sleep(600)
    if name == "killer":
        sys.exit(1)


questions = 0


def authorize(params):
    global questions
    questions += 1
    name = params["user"]["username"]
    trouble(name)
    if name == "fool":
        return {"allowed": "yes"}
    return {"allowed": name == "amy", "reason": f"question {questions} of {os.getpid()}"}


def mutate(request):
    item, name = request["object"], request["name"]
    trouble(name)
    if name == "renamed":
        return {"object": {**item, "metadata": {**item["metadata"], "name": "other"}}}
    if name == "emptied":
        return {"object": {}}
    if name == "mistyped":
        return {"object": {**item, "data": "yes"}}
    if name == "foolish":
        return {}
    return {"object": {**item, "data": {**item.get("data", {}), "seen": "yes"}}}


def validate(request):
    if request["operation"] == "DELETE" and request["name"] == "kept":
        raise Refused("Conflict", f'{request["userInfo"]["username"]} may not delete it')


METHODS = {
    "initialize": lambda _: {"protocol": 1},
    "shutdown": lambda _: sys.exit(0),
    "setUp": set_up,
    "tearDown": tear_down,
    "authenticate": authenticate,
    "authorize": authorize,
    "mutate": mutate,
    "validate": validate,
}

for line in sys.stdin:
    message = json.loads(line)
    response = {"jsonrpc": "2.0", "id": message["id"]}
    method = METHODS.get(message["method"])
    if method is None:
        response["error"] = {"code": -32601, "message": "no such method"}
    else:
        try:
            response["result"] = method(message["params"])
        except Refused as refusal:
            error = {"code": -32000, "message": str(refusal), "data": {"reason": refusal.reason}}
            response["error"] = error
    print(json.dumps(response), flush=True)
