"""A plugin for tests that does as its configuration says: what the host must stand."""

import json
import os
import subprocess
import sys
import threading
import time

state = {"events": [], "messages": [], "closed": []}
answers = {}
last = 0


def send(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def call(method, **params):
    """Asks the host and waits; what else comes meanwhile is dealt with."""
    global last
    last += 1
    mine = f"c{last}"
    send({"id": mine, "method": method, "params": params})
    while mine not in answers:
        receive()
    return answers.pop(mine)


def receive():
    line = sys.stdin.readline()
    if line == "":
        sys.exit(0)
    message = json.loads(line)
    if "method" not in message:
        answers[message["id"]] = message
    elif "id" in message:
        serve(message["id"], message["method"], message.get("params", {}))
    elif message["method"] == "objects.event":
        state["events"].append(message["params"])
    elif message["method"] == "bus.message":
        if message["params"]["subject"] == "child.do":
            do(message["params"]["data"])
        else:
            state["messages"].append(message["params"])
    else:
        state["closed"].append(message["params"])


def babble():
    while True:
        sys.stderr.write("all work and no play\n" * 100)


def do(work):
    if work["what"] == "call":
        call("bus.publish", subject="child.did", data=call(work["method"], **work["params"]))
    elif work["what"] == "state":
        call("bus.publish", subject="child.did", data={**state, "pid": os.getpid()})
    elif work["what"] == "sleep":
        time.sleep(work["seconds"])
    elif work["what"] == "print":
        print(work["text"], flush=True)
    elif work["what"] == "health":
        state["health"] = work["answer"]
    elif work["what"] == "close":
        os.close(1)
        time.sleep(3600)
    elif work["what"] == "babble":
        threading.Thread(target=babble, daemon=True).start()
    elif work["what"] == "flood":
        asked = [f"flood{number}" for number in range(work["count"])]
        for each in asked:
            send({"id": each, "method": "objects.list", "params": {"resource": "configmaps"}})
        time.sleep(work["seconds"])
        while any(each not in answers for each in asked):
            receive()
        failed = [each for each in asked if "error" in answers.pop(each)]
        call("bus.publish", subject="child.did", data={"failed": failed, "closed": state["closed"]})
    elif work["what"] == "take":
        taker = f"import time; taken = bytearray({work['bytes']}); time.sleep(60)"
        subprocess.Popen([sys.executable, "-c", taker], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    elif work["what"] == "raise":
        raise RuntimeError("told to fail")


def serve(number, method, params):
    mode = params.get("config", {}).get("mode")
    if method == "initialize":
        state["greeting"] = params
        if mode == "hang":
            time.sleep(3600)
        if mode == "garbage":
            print("Hello, world!", flush=True)
        if mode == "exit":
            raise KeyError("no such setting")
        if mode == "skip":
            return send({"id": number, "result": {"protocol": 1, "skip": "nothing to do here"}})
        if mode == "old":
            return send({"id": number, "result": {"protocol": 0}})
        if mode == "long":
            return send({"id": number, "result": "x" * (17 << 20)})
        if mode == "stranger":
            send({"id": 4711, "result": None})
        if mode == "listen":
            call("bus.subscribe", id=1, subject="child.do")
        return send({"id": number, "result": {"protocol": 1}})
    if method == "drain":
        return send({"id": number, "result": {"schema": 1, "state": {"pid": os.getpid()}}})
    if method in ("health", "resume", "shutdown"):
        send({"id": number, "result": state.get("health") if method == "health" else None})
        if method == "shutdown":
            sys.exit(0)
        return None
    return send({"id": number, "error": {"code": -32601, "message": f"no {method}"}})


while True:
    receive()
