"""An admission for Orlop in plain Python: objects must say by labels whose they are, and get the labels that are missing otherwise.

It speaks the protocol of plugins/process/PROTOCOL.md: one JSON-RPC 2.0 message per line on standard input and output. Standard error is
its log. Nothing but the standard library is needed.
"""

import json
import sys


# Plugins of the cluster's own, which write what every namespace needs.
COMPONENTS = "system:serviceaccount:kube-system:"


class Unknown(Exception):
    """A method that this plugin does not have."""


class Refused(Exception):
    """What whoever writes is to be told."""


class Admission:
    def __init__(self):
        self.required = []
        self.defaults = {}

    def initialize(self, params):
        self.required = params["config"]["required"]
        self.defaults = params["config"]["defaults"]
        return {"protocol": 1}

    def mutate(self, request):
        """Called first, for what the manifest's rules are about: creations and updates of ConfigMaps."""
        item = request["object"]
        metadata = item.get("metadata") or {}
        labels = metadata.get("labels") or {}
        if not self.defaults.keys() - labels.keys():
            return None  # it stays as it is
        return {"object": {**item, "metadata": {**metadata, "labels": {**self.defaults, **labels}}}}

    def validate(self, request):
        """Called when all that mutate have done so, and what they made is valid."""
        who = request["userInfo"]["username"]
        if who.startswith(COMPONENTS):
            return None
        labels = request["object"]["metadata"].get("labels") or {}
        missing = [label for label in self.required if not labels.get(label)]
        if missing:
            what = f'{request["resource"]["kind"]} "{request["name"]}"'
            raise Refused(f'{who} may not write {what} without the label "{missing[0]}": add it')
        return None

    def shutdown(self, params):
        return None


METHODS = ("initialize", "mutate", "validate", "shutdown")


def answer(plugin, request):
    method = request["method"]
    if method not in METHODS:
        raise Unknown(f"no method {method}")
    return getattr(plugin, method)(request.get("params", {}))


def main():
    plugin = Admission()
    for line in sys.stdin:
        request = json.loads(line)
        if "id" not in request:
            continue
        response = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            response["result"] = answer(plugin, request)
        except Unknown as problem:
            response["error"] = {"code": -32601, "message": str(problem)}
        except Refused as problem:
            error = {"code": -32000, "message": str(problem), "data": {"reason": "Forbidden"}}
            response["error"] = error
        except Exception as problem:  # an answer, whatever is wrong: the request fails with it
            response["error"] = {"code": -32000, "message": f"{type(problem).__name__}: {problem}"}
        sys.stdout.write(json.dumps(response, separators=(",", ":")) + "\n")
        sys.stdout.flush()
        if request["method"] == "shutdown":
            return


main()
