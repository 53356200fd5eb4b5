"""An authorizer for Orlop in plain Python: Kubernetes' attribute-based access control (ABAC), its policies in the configuration.

It speaks the protocol of plugins/process/PROTOCOL.md: one JSON-RPC 2.0 message per line on standard input and output. Standard error is
its log. Nothing but the standard library is needed.
"""

import json
import sys

READ = ("get", "list", "watch")

# What every client does before anything else, for whoever is somebody.
DISCOVERY = ("/api", "/api/*", "/apis", "/apis/*", "/openapi/*", "/version", "/healthz", "/livez", "/readyz")
ABOUT_ONESELF = {
    "authentication.k8s.io": ("selfsubjectreviews",),
    "authorization.k8s.io": ("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
}


class Unknown(Exception):
    """A method that this plugin does not have."""


class Authorizer:
    def __init__(self):
        self.policies = []

    def initialize(self, params):
        self.policies = params["config"]["policies"]
        return {"protocol": 1}

    def authorize(self, params):
        user, asked = params["user"], params["attributes"]
        if "system:authenticated" in user["groups"] and is_basic(asked):
            return {"allowed": True, "reason": "everybody who is somebody may"}
        for policy in self.policies:
            if is_about(policy, user) and allows(policy, asked):
                return {"allowed": True, "reason": f"allowed by the policy {json.dumps(policy)}"}
        return {"allowed": False, "reason": "no policy allows it"}

    def rules(self, params):
        resources, paths = [], []
        for policy in self.policies:
            if not is_about(policy, params["user"]):
                continue
            verbs = list(READ) if policy["readonly"] else ["*"]
            if policy["resource"] and policy["namespace"] in ("*", params["namespace"]):
                rule = {"apiGroups": [policy["apiGroup"]], "resources": [policy["resource"]]}
                resources.append({"verbs": verbs, **rule})
            if policy["nonResourcePath"]:
                paths.append({"verbs": verbs, "nonResourceURLs": [policy["nonResourcePath"]]})
        if "system:authenticated" in params["user"]["groups"]:
            paths.append({"verbs": ["get"], "nonResourceURLs": list(DISCOVERY)})
            for group, names in ABOUT_ONESELF.items():
                rule = {"apiGroups": [group], "resources": list(names)}
                resources.append({"verbs": ["create"], **rule})
        return {"resourceRules": resources, "nonResourceRules": paths, "incomplete": False}

    def shutdown(self, params):
        return None


def is_basic(asked):
    if "path" in asked:
        return asked["verb"] == "get" and any(is_under(asked["path"], path) for path in DISCOVERY)
    own = ABOUT_ONESELF.get(asked.get("group", ""), ())
    return asked["verb"] == "create" and asked.get("resource") in own


def is_about(policy, user):
    """A policy of nobody is about nobody; one of a user and a group about that user in that group."""
    if not policy["user"] and not policy["group"]:
        return False
    is_user = policy["user"] in ("", "*", user["username"])
    return is_user and policy["group"] in ("", "*", *user["groups"])


def allows(policy, asked):
    if policy["readonly"] and asked["verb"] not in READ:
        return False
    if "path" in asked:
        return is_under(asked["path"], policy["nonResourcePath"])
    return (
        policy["namespace"] in ("*", asked.get("namespace") or "")
        and policy["resource"] in ("*", asked.get("resource", ""))
        and policy["apiGroup"] in ("*", asked.get("group", ""))
    )


def is_under(path, pattern):
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


METHODS = ("initialize", "authorize", "rules", "shutdown")


def answer(plugin, request):
    method = request["method"]
    if method not in METHODS:
        raise Unknown(f"no method {method}")
    return getattr(plugin, method)(request.get("params", {}))


def main():
    plugin = Authorizer()
    for line in sys.stdin:
        request = json.loads(line)
        if "id" not in request:
            continue
        response = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            response["result"] = answer(plugin, request)
        except Unknown as problem:
            response["error"] = {"code": -32601, "message": str(problem)}
        except Exception as problem:  # an answer, whatever is wrong: the host shows it
            response["error"] = {"code": -32000, "message": f"{type(problem).__name__}: {problem}"}
        sys.stdout.write(json.dumps(response, separators=(",", ":")) + "\n")
        sys.stdout.flush()
        if request["method"] == "shutdown":
            return


main()
