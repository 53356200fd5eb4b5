"""A score plugin for Orlop's scheduler in plain Python: it fills cheap nodes first.

It speaks the protocol of plugins/process/PROTOCOL.md: one JSON-RPC 2.0 message per line on standard input and output. Standard error is
its log. Nothing but the standard library is needed.
"""

import json
import sys


class Unknown(Exception):
    """A method that this plugin does not have."""


class Scorer:
    def __init__(self):
        self.label = ""
        self.packing = 0.0
        self.sequence = -1
        self.size = 0
        self.prices = []  # by row; None: no price
        self.cpu = []  # allocatable millicores by row
        self.used = []  # requested millicores by row
        self.cheapness = []  # 0 to 100 by row
        self.base = []  # the score without a pod, by row
        self.slope = []  # what each millicore of a pod adds

    def initialize(self, params):
        self.label = params["config"]["label"]
        self.packing = params["config"]["packing"] / 100
        return {"protocol": 1}

    def score(self, params):
        if not self.apply(params["nodes"]):
            return {"resync": True}
        return {"scores": [self.score_pod(each) for each in params["pods"]]}

    def health(self, params):
        return {"healthy": True}

    def drain(self, params):
        return None  # the scheduler tells a successor everything

    def shutdown(self, params):
        return None

    def apply(self, nodes):
        """What is new in the scheduler's table of nodes. False: the message before is missing."""
        if nodes["sequence"] == 0:
            self.prices, self.cpu, self.used, self.base, self.slope = [], [], [], [], []
        elif nodes["sequence"] != self.sequence + 1:
            return False
        self.sequence = nodes["sequence"]
        self.size = nodes["size"]
        missing = self.size - len(self.prices)
        self.prices += [None] * missing
        self.cpu += [0] * missing
        self.used += [0] * missing
        changed = nodes["nodes"]
        for row in nodes["removed"]:
            self.prices[row], self.cpu[row] = None, 0
        millicores = changed["allocatable"].get("cpu", [0] * len(changed["row"]))
        for row, labels, cpu in zip(changed["row"], changed["labels"], millicores):
            self.prices[row], self.cpu[row] = price(labels.get(self.label)), cpu
        requested = nodes["requested"]
        for row, cpu in zip(requested["row"], requested["requested"].get("cpu", [])):
            self.used[row] = cpu
        if changed["row"] or nodes["removed"]:
            self.weigh()
            self.prepare(range(self.size))
        else:
            self.prepare(requested["row"])
        return True

    def weigh(self):
        """Prices, compared: 100 is the cheapest."""
        known = [each for each in self.prices if each is not None]
        lowest, highest = (min(known), max(known)) if known else (0, 0)
        spread = highest - lowest
        self.cheapness = [
            0 if each is None else 100 if spread == 0 else 100 * (highest - each) / spread
            for each in self.prices
        ]

    def prepare(self, rows):
        """What is the same for all pods, worked out once: a batch has many."""
        self.base += [0] * (self.size - len(self.base))
        self.slope += [0] * (self.size - len(self.slope))
        for row in rows:
            self.slope[row] = 100 * self.packing / self.cpu[row] if self.cpu[row] else 0
            full = min(100 * self.packing, self.slope[row] * self.used[row])
            self.base[row] = (1 - self.packing) * self.cheapness[row] + full + 0.5

    def score_pod(self, pod):
        asked = pod["requests"].get("cpu", 0)
        scores = [int(base + slope * asked) for base, slope in zip(self.base, self.slope)]
        return scores if max(scores, default=0) <= 100 else [min(100, each) for each in scores]


def price(text):
    try:
        return float(text)
    except (TypeError, ValueError):
        return None


METHODS = ("initialize", "score", "health", "drain", "shutdown")


def answer(plugin, request):
    method = request["method"]
    if method not in METHODS:
        raise Unknown(f"no method {method}")
    return getattr(plugin, method)(request.get("params", {}))


def main():
    plugin = Scorer()
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
