"""An independent checker for kezheng-renewal/1, written from FORMAT.md and FORMAT-MORE.md alone, beside the one for certificates.

    python3 renewal.py renewals.json
    python3 renewal.py --trees < trees.json

The first is the test: renewals.json lists cases with what is given and what is to be found. The second reckons hash
trees anew: a list of {files: [{sha512, earlier}], paths, root}.

Standard library only. "S7.18", "S10" ... name the section (and the check) that the code obeys: S7 of FORMAT.md, S10 is section 2 of FORMAT-MORE.md.
"""
import hashlib
import json
import os
import re
import sys

import checker as c
from checker import need

SHA512_ID = "608648016503040203"

def S(data): return hashlib.sha512(data).digest()

# S10: the tree of RFC 4998
def node(digests): return digests[0] if len(digests) == 1 else S(b"".join(sorted(digests)))

def climb(start, path):
    for beside in path:
        start = node([start, beside])
    return start

def root_over(leaves):
    """Two a node, the last of an odd number goes up as it is."""
    while len(leaves) > 1:
        leaves = [node(leaves[i:i + 2]) for i in range(0, len(leaves), 2)]
    return leaves[0]

HEX64 = c.hexn(64)
RENEWAL = c.closed(
    certificates=c.STAMPED["certificates"], earlier=c.many(HEX64, 256), format=c.one_of("kezheng-renewal/1"),
    path=c.many(HEX64, 32), revocation=c.many(c.closed(kind=c.one_of("crl ocsp"), value=c.from64_of(262144)), 8),
    sha512=HEX64, token=c.STAMPED["token"])

class Newer(Exception):
    """A renewal of another number."""

def read_renewal(data):
    need(len(data) <= 1048576, "too long")
    document = c.read_json(data)
    need(c.canonical(document) == data, "not canonical")
    c.named("format")(document)
    if document["format"] != "kezheng-renewal/1" and re.fullmatch("kezheng-renewal/[1-9][0-9]{0,3}", document["format"]):
        raise Newer()
    RENEWAL(document)
    return document

def hexes(digests): return [bytes.fromhex(digest) for digest in digests]

def check_token(renewal, before):
    """S7.18: what was read, or Bad. `before`: what `earlier` must be."""
    need(renewal["earlier"] == before, "earlier")
    root = climb(node(hexes([renewal["sha512"]] + renewal["earlier"])), hexes(renewal["path"]))
    found = c.read_token(c.from64(renewal["token"]))
    need(found["info"]["imprint"] == (SHA512_ID, root), "imprint")
    given = found["certificates"] + [c.from64(one) for one in renewal["certificates"]]
    need(len(given) <= 16, "too many certificates")
    name, digest, _ = found["ids"][0]
    signer = c.Certificate(next((one for one in given if hashlib.new(name, one).digest() == digest), b""))
    names = signer.issuer[2], signer.serial
    for name, digest, both in found["ids"]:
        need(hashlib.new(name, signer.whole).digest() == digest and both in (None, names), "another signer")
    need(found["signer"] == names, "another signer")
    need(signer.purposes == [c.TIME_STAMPING] and signer.purposes_critical, "purpose")
    need(c.verifies(signer.key, found["kind"], found["hashing"], found["signed"], found["signature"]), "signature")
    evidence = [(r["kind"], (c.read_crl if r["kind"] == "crl" else c.read_ocsp)(c.from64(r["value"])))
                for r in renewal["revocation"]]
    others = [one for one in map(c.readable, dict.fromkeys(given)) if one and one.whole != signer.whole]
    return {"info": found["info"], "signer": signer, "others": others, "evidence": evidence}

def path_that_counts(found, trust):
    """S7.10: from the signer to what the list knows, or None."""
    _, path, _ = c.standing(found, trust)
    return path if path and c.check_revocation(found, trust, found["evidence"]) else None

class Layer:
    """Something that rests on keys."""
    def __init__(self, at, certificates, led, found=None, trust=None):
        self.at, self.certificates, self.led, self.found, self.trust = at, certificates, led, found, trust
        self.carried = []

    def ends(self): return min(one.ends for one in self.certificates)

    def state(self, later):
        """S7.20: good, open or wrong when the later token was made."""
        time = later["info"]["time"]
        if self.found and time < self.found["info"]["time"]:
            return "wrong"
        if time[0] > self.ends():
            return "wrong"
        if not self.led:
            return "open"
        if self.found and not c.check_revocation(self.found, self.trust, self.found["evidence"] + later["evidence"]):
            return "wrong"
        return "good"

def layer_of(at, found, trust):
    path = path_that_counts(found, trust)
    return Layer(at, path or [found["signer"]], path is not None, found, trust)

def layers_of_certificate(document, trust, statuses):
    layers = []
    if statuses["signature", None] == "passed":
        x5c = [c.Certificate(data) for data in c.check_signature(document)]
        layers.append(Layer("signature", x5c, statuses["issuer", None] == "passed"))
    for i, stamp in enumerate(document["tokens"]):
        if statuses["token", "tokens[%d]" % i] == "passed":
            layers.append(layer_of("tokens[%d]" % i, c.check_token(stamp, document), trust))
    return layers

class Found:
    """What S7.18 to 20 found of one renewal."""
    def __init__(self, status, authority="skipped", unbroken="skipped", layer=None, time=None, label=None):
        self.statuses = status, authority, unbroken
        self.layer, self.time, self.label = layer, time, label

def check_one(at, renewal, before, layers, strict, trust, issued):
    try:
        found = check_token(renewal, before)
    except ValueError:
        return Found("failed")
    authority, label = c.check_authority(found, trust)
    if c.stamp_time(found["info"]) < issued - 60000:
        authority, label = "failed", None
    if authority != "passed":
        layer = layer_of(at, found, trust) if authority == "unknown" else Layer(at, [found["signer"]], False, found, trust)
        return Found("passed", authority, "skipped", layer, c.stamp_time(found["info"]), label)
    states = [layer.state(found) for layer in layers]
    for layer, state in zip(layers, states):
        if state == "good":
            layer.carried.append((found["info"]["time"], at))
    unbroken = "passed"
    if "wrong" in states:
        unbroken = "failed" if strict else "unknown"
    elif "open" in states:
        unbroken = "unknown"
    return Found("passed", authority, unbroken, layer_of(at, found, trust), c.stamp_time(found["info"]), label)

def check_renewals(certificate, layers, renewals, trust, issued):
    read, results, digests = [], {}, [S(data).hex() for data in renewals]
    for i, data in enumerate(renewals):
        try:
            read.append(read_renewal(data))
        except Newer:
            read.append(None)
            results[i] = Found("unknown")
        except ValueError:
            read.append(None)
            results[i] = Found("failed")

    def below(digest, before, layers, strict):
        for i, renewal in enumerate(read):
            if renewal and i not in results and renewal["sha512"] == digest:
                at = "renewals[%d]" % i
                results[i] = check_one(at, renewal, before, layers, strict, trust, issued)
                if results[i].layer:
                    token = S(c.from64(renewal["token"])).hex()
                    below(digests[i], renewal["earlier"] + [token], [results[i].layer], True)
    below(S(certificate).hex(), [], layers, False)
    for i, renewal in enumerate(read):
        if i not in results:
            results[i] = Found("skipped" if renewal["sha512"] in digests else "failed")
    return [results[i] for i in range(len(renewals))]

def in_millis(moment):
    return "%04d-%02d-%02dT%02d:%02d:%02d.999Z" % moment

def told(layer):
    # of two at one time the first that was given
    first = min(layer.carried, key=lambda pair: pair[0]) if layer.carried else (None, None)
    return {"at": layer.at, "goodUntil": in_millis(layer.ends()), "carriedBy": first[1]}

def verify(certificate, given, renewals, trust, blocks):
    verdict, test, counts, labels, checks = c.asked(certificate, given, trust, blocks)
    statuses = {(name, at): status for name, at, status in checks}
    if statuses["format", None] != "passed":
        return {"verdict": verdict, "checks": [], "counts": counts, "authorities": labels, "layers": []}
    document = c.read_certificate(certificate)
    layers = layers_of_certificate(document, trust, statuses)
    issued = c.millis_of(c.seconds_of(document["issuedAt"])) + int(document["issuedAt"][20:23])
    found = check_renewals(certificate, layers, renewals, trust, issued)
    names = "renewal authority unbroken".split()
    more = [{"id": name, "at": "renewals[%d]" % i, "status": status}
            for i, one in enumerate(found) for name, status in zip(names, one.statuses)]
    if verdict == "invalid" or any(check["status"] == "failed" for check in more):
        verdict, counts, labels = "invalid", None, []
    else:
        independent = [one for one in found if one.label is not None]
        earnest = [counts] if counts and (not test or labels) else []
        times = earnest + [c.to_instant(one.time) for one in independent]
        counts = min(times) if times else counts
        stamped = [who for _, _, who in c.check_tokens(c.read_certificate(certificate), trust) if who is not None]
        labels = c.witnesses(stamped + [one.label for one in independent])
    return {"verdict": verdict, "checks": more, "counts": counts, "authorities": labels,
            "layers": [told(layer) for layer in layers + [one.layer for one in found if one.layer]]}

def run_cases(path):
    base = os.path.dirname(path)
    cases, wrong = c.read_json(c.read(path)), 0
    photo = c.measured(c.read(os.path.join(base, "files", "photo.jpg")))
    for case in cases:
        expected = {name: case[name] for name in ("verdict", "checks", "counts", "authorities", "layers")}
        try:
            renewals = [c.read(os.path.join(base, name)) for name in case["renewals"]]
            mine = verify(c.read(os.path.join(base, case["certificate"])), [photo], renewals, case["trust"],
                          case["blocks"])
        except Exception as error:      # a crash is a disagreement, too
            mine = {"verdict": repr(error)}
        if mine != expected:
            wrong += 1
            print("%s: found %s; expected %s" % (case["name"], json.dumps(mine), json.dumps(expected)))
    print("%d cases, %d disagreements" % (len(cases), wrong))
    return 1 if wrong else 0

def run_trees(trees):
    wrong = 0
    for tree in trees:
        leaves = [node(hexes([one["sha512"]] + one["earlier"])) for one in tree["files"]]
        root = root_over(leaves)
        paths = [climb(leaf, hexes(path)) == root for leaf, path in zip(leaves, tree["paths"])]
        wrong += root.hex() != tree["root"] or len(paths) != len(leaves) or not all(paths)
    print("%d trees, %d disagreements" % (len(trees), wrong))
    return 1 if wrong else 0

if __name__ == "__main__":
    if sys.argv[1:] == ["--trees"]:
        sys.exit(run_trees(json.load(sys.stdin)))
    sys.exit(run_cases(sys.argv[1]))
