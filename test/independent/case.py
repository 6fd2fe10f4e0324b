"""An independent checker of events and cases, written from FORMAT.md and EVENTS.md alone, beside the one for certificates.

    python3 case.py case-cases.json
    python3 case.py --events event-cases.json

Standard library only. "E2", "E5.7" ... name the section (and the check) of EVENTS.md that the code obeys.
"""
import os
import sys

import checker as c
from checker import need

# E2
PROCEDURE = c.pattern("[a-z][a-z-]{0,31}/[1-9][0-9]{0,3}")
EVENT = c.closed(
    action=c.pattern("[a-z][a-z0-9-]{0,63}"),
    actor=c.closed(organization=c.uuid, person=c.maybe(c.uuid), role=c.text), at=c.instant, case=c.uuid,
    content=c.maybe(c.hexn(32)), format=c.one_of("kezheng-event/1"), id=c.uuid, index=c.uint, procedure=PROCEDURE,
    previous=c.maybe(c.hexn(32)), salt=c.hexn(16), to=c.text, **{"from": c.maybe(c.text)})

def event(document):
    need(len(c.canonical(document)) <= 65536, "too long")
    EVENT(document)
    for name in ("from", "previous"):
        need((document[name] is None) == (document["index"] == 0), name)
    return document

def is_event(document):
    try:
        return bool(event(document))
    except ValueError:
        return False

def exactly(data, most):
    need(len(data) <= most, "too long")
    document = c.read_json(data)
    need(c.canonical(document) == data, "not canonical")
    return document

def check_content(said, data):
    if said is None:
        return "skipped" if data is None else "failed"
    if data is None:
        return "unknown"
    try:
        need(c.H(data).hex() == said, "digest")
        document = exactly(data, 4194304)
        need(isinstance(document, dict), "object")
        c.hexn(16)(document.get("salt"))
        return "passed"
    except ValueError:
        return "failed"

# E3
HEAD = c.closed(
    at=c.instant, case=c.uuid, count=lambda v: c.uint(v, 1), format=c.one_of("kezheng-case-head/1"), last=c.hexn(32),
    procedure=PROCEDURE, signature=c.closed(protected=c.text, signature=c.text), state=c.text)

def read_head(data):
    document = exactly(data, 65536)
    HEAD(document)
    return document

# E4
def verify(data, given, content, trust, blocks):
    """As checker.verify(), with what E4 says of events."""
    verdict, test, counts, labels, checks = c.asked(data, given, trust, blocks)
    entry = {}
    if dict((name, status) for name, at, status in checks if at is None)["format"] == "passed":
        entry = c.read_certificate(data)["entry"]
    known = is_event(entry)
    if not known and content is None:
        return verdict, test, counts, labels, checks
    more = []
    for name, at, status in checks:
        if known and name == "entry":
            status = "passed"
        if known and name == "files":
            status = "failed" if given else "skipped"
        if known and name in ("digests", "sm3"):
            status = "skipped"
        more.append((name, at, status))
        if name == "sm3":
            more.append(("content", None, check_content(entry["content"], content) if known else "failed"))
    if any(status == "failed" for _, _, status in more):
        return "invalid", test, None, [], more
    passed = {name for name, at, status in more if at is None and status == "passed"}
    places = {at for _, at, _ in more if at and at.startswith("anchors")}
    good = any(all(s == "passed" for _, at, s in more if at == place) for place in places)
    if known:
        verdict = "valid" if good and passed >= set("format signature issuer entry inclusion".split()) else "incomplete"
    return verdict, test, counts, labels, more

# E5
def blocks_for(case, certificates):
    """A hash without a number counts for the certificates that have that block, or for all where none has it."""
    hashes = [{known for _, known in c.headers_of(data)} for data in certificates]
    everyone = set().union(*hashes)
    return [[b for b in case["blocks"] if "number" in b or b.get("hash") in own or b.get("hash") not in everyone]
            for own in hashes]

def places_of(data):
    """E5.10: {log: least place}"""
    found = {}
    try:
        document = c.read_certificate(data)
    except ValueError:
        return found
    for anchor in document["anchors"]:
        try:
            tx = c.check_transaction(anchor, c.check_header(anchor))
        except (ValueError, KeyError):
            continue
        log, place = (tx["chain"], tx["to"], tx["sender"]), (tx["index"], document["inclusion"][-1]["index"])
        found[log] = min(found.get(log, place), place)
    return found

class One:
    """An event at its place."""
    def __init__(self, given, read, trust, blocks):
        self.place, self.event, self.logs, self.counts, self.test = given["place"], None, {}, None, None
        content = read(given["content"]) if given["content"] else None
        if "certificate" in given:
            data = read(given["certificate"])
            verdict, self.test, self.counts, _, checks = verify(data, [], None, trust, blocks)
            status = {"valid": "passed", "invalid": "failed", "incomplete": "unknown"}[verdict]
            self.logs = places_of(data)
            if checks[0][2] != "passed":
                self.status = [status, "skipped", "skipped"]
                return
            document = c.read_certificate(data)["entry"]
        else:
            status = "unknown"
            try:
                document = exactly(read(given["entry"]), 65536)
            except ValueError:
                document = {}
        if not is_event(document):
            self.status = [status, "failed", "skipped"]
            return
        self.event, self.leaf = document, c.leaf(document).hex()
        self.status = [status, "passed", check_content(document["content"], content)]

def chain_of(ones):
    """E5.5 to 10"""
    known = [one for one in ones if one.event]
    same = {(one.event["case"], one.event["procedure"]) for one in known}
    yield "case", "skipped" if not known else "passed" if len(same) == 1 else "failed"
    whole = ones and [one.place for one in ones] == list(range(len(ones)))
    yield "indices", "passed" if whole and all(one.event["index"] == one.place for one in known) else "failed"
    pairs = [(a, b) for a, b in zip(known, known[1:]) if a.event["index"] + 1 == b.event["index"]]
    for name, holds in (("previous", lambda a, b: b.event["previous"] == a.leaf),
                        ("states", lambda a, b: b.event["from"] == a.event["to"]),
                        ("times", lambda a, b: b.event["at"] >= a.event["at"])):
        yield name, "skipped" if not pairs else "passed" if all(holds(a, b) for a, b in pairs) else "failed"
    last, compared, wrong = {}, 0, False
    for one in sorted(known, key=lambda one: one.event["index"]):
        for log, place in one.logs.items():
            if log in last:
                compared += 1
                wrong |= last[log] >= place
            last[log] = place
    yield "log-order", "failed" if wrong else "passed" if compared else "skipped"

def check_head(data, ones, trust):
    """E5.11 to 15: the statuses, and its count where all passed."""
    try:
        head = read_head(data)
    except ValueError:
        return ["failed"] + ["skipped"] * 4, 0
    status = ["passed"]
    try:
        signed = {name: v for name, v in head.items() if name != "signature"}
        x5c = c.check_jws(head["signature"], c.canonical(signed))
    except ValueError:
        return status + ["failed", "skipped", "skipped", "skipped"], 0
    moment = c.seconds_of(head["at"])
    issuer = "unknown" if trust is None else "passed" if c.issuer_known(x5c, [moment], trust) else "failed"
    status += ["passed", issuer]
    first = next((one.event for one in ones if one.event), None)
    if issuer == "failed" or first is None:
        return status + ["skipped", "skipped"], 0
    if (head["case"], head["procedure"]) != (first["case"], first["procedure"]):
        return status + ["failed", "skipped"], 0
    if head["count"] > len(ones):
        return status + ["passed", "failed"], 0
    one = ones[head["count"] - 1]
    if one.event is None:
        return status + ["passed", "skipped"], 0
    same = one.leaf == head["last"] and one.event["to"] == head["state"]
    holds = same and issuer == "passed"
    return status + ["passed", "passed" if same else "failed"], head["count"] if holds else 0

def verify_case(case, read):
    trust = case["trust"]
    given = sorted(case["events"], key=lambda one: one["place"])
    certified = [one for one in given if "certificate" in one]
    all_blocks = blocks_for(case, [read(one["certificate"]) for one in certified] + [read(p) for p in case["evidence"]])
    known = iter(all_blocks)
    ones = [One(one, read, trust, next(known) if "certificate" in one else []) for one in given]
    checks = [(name, "events[%d]" % one.place, status)
              for one in ones for name, status in zip(("certificate", "entry", "content"), one.status)]
    checks += [(name, None, status) for name, status in chain_of(ones)]
    held = 0
    for i, head in enumerate(case["heads"]):
        statuses, count = check_head(read(head["file"]), ones, trust)
        names = "head signature issuer head-case head-events".split()
        checks += [(name, "heads[%d]" % i, status) for name, status in zip(names, statuses)]
        held = max(held, count if head["from"] == "holder" else 0)
    checks.append(("tail", None, "passed" if held else "unknown"))
    for i, path in enumerate(case["evidence"]):
        verdict, _, _, _, found = verify(read(path), [], None, trust, next(known))
        apart = "files digests sm3 statement token authority".split()
        is_open = any(status == "unknown" for name, _, status in found if name not in apart)
        status = "failed" if verdict == "invalid" else "unknown" if is_open else "passed"
        checks.append(("evidence", "evidence[%d]" % i, status))
    failed = any(status == "failed" for _, _, status in checks)
    is_open = any(status != "passed" for name, _, status in checks if name in ("certificate", "evidence"))
    tests = [one.test for one in ones if one.test is not None]
    return {"verdict": "invalid" if failed else "incomplete" if is_open else "valid",
            "testChain": not tests or any(tests),
            "checks": checks, "counts": [one.counts for one in ones if one.event], "held": held}

def reader(path):
    base = os.path.dirname(path)
    return lambda name: c.read(os.path.join(base, name))

def statuses(checks): return [(one["id"], one.get("at"), one["status"]) for one in checks]

def run(path, work, names):
    cases, wrong = c.read_json(c.read(path)), 0
    for case in cases:
        expected = dict({name: case[name] for name in names}, checks=statuses(case["checks"]))
        try:
            mine = work(case, reader(path))
        except Exception as error:      # a crash is a disagreement, too
            mine = {"crash": repr(error)}
        if mine != expected:
            wrong += 1
            print("%s: found %s; expected %s" % (case["name"], mine, expected))
    print("%d cases, %d disagreements" % (len(cases), wrong))
    return 1 if wrong else 0

def verify_event(case, read):
    given = [c.measured(read(os.path.join("files", file["file"]))) for file in case["files"]]
    content = read(case["content"]) if case["content"] else None
    verdict, test, counts, labels, checks = verify(
        read(case["certificate"]), given, content, case["trust"], case["blocks"])
    return {"verdict": verdict, "testChain": test, "counts": counts, "authorities": labels, "checks": checks}

if __name__ == "__main__":
    if sys.argv[1] == "--events":
        sys.exit(run(sys.argv[2], verify_event, ("verdict", "testChain", "counts", "authorities")))
    sys.exit(run(sys.argv[1], verify_case, ("verdict", "testChain", "counts", "held")))
