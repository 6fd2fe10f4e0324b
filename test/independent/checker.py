"""An independent checker for kezheng-certificate/1, written from FORMAT.md alone.

    python3 checker.py --check certificate.json [--trust trust.json] [--block-hash 0x...]... [--no-sm3] FILE...
    python3 checker.py cases.json        (or pdf-cases.json)

The first checks one certificate, or the PDF that it is in, and the files that belong to it, prints the verdict and every check, and ends with 0
for valid, 1 for invalid, 2 for incomplete, 64 where it was not called like this. Block hashes are those that you looked
up yourself, by number and below the finalized block, at a source that the certificate does not name; without one, what
there is to look up is printed. --no-sm3: SM3 is computed by Python itself here, about a megabyte in some seconds.

The second is the test: cases.json lists cases with what is given and what is to be found; certificates/, pdfs/ and
files/ stand beside it.

Standard library only; of the library's cryptography only SHA-2, and SHA-1 for names. "S2", "S7.13" ... name the section (and the check)
of FORMAT.md that the code obeys; RULE marks a place where the text leaves a choice and says which one was taken.
"""
import argparse
import base64
import datetime
import hashlib
import json
import os
import re
import sys


class Bad(ValueError):
    """What is being read is not as the text says. Python's own ValueError (decoding, unpacking) counts the same."""

def need(condition, why):
    if not condition:
        raise Bad(why)

def H(data): return hashlib.sha256(data).digest()

# Keccak-256 (Keccak submission, padding 0x01) and SM3 (GB/T 32905-2016)
M64, M32 = (1 << 64) - 1, (1 << 32) - 1

ROUNDS = [int(c, 16) for c in """
    1 8082 800000000000808a 8000000080008000 808b 80000001 8000000080008081 8000000000008009 8a 88 80008009 8000000a
    8000808b 800000000000008b 8000000000008089 8000000000008003 8000000000008002 8000000000000080 800a 800000008000000a
    8000000080008081 8000000000008080 80000001 8000000080008008""".split()]
ROTATIONS = (0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14)
# rho and pi in one step: (index written, index read, rotation)
RHO_PI = [(y + 5 * ((2 * x + 3 * y) % 5), x + 5 * y, ROTATIONS[x + 5 * y]) for x in range(5) for y in range(5)]

def keccak_f(a):
    for constant in ROUNDS:
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        d = [c[x - 1] ^ (((c[(x + 1) % 5] << 1) | (c[(x + 1) % 5] >> 63)) & M64) for x in range(5)]
        b = [0] * 25
        for to, source, turn in RHO_PI:
            word = a[source] ^ d[source % 5]
            b[to] = ((word << turn) | (word >> (64 - turn))) & M64
        for row in range(0, 25, 5):
            for x in range(5):
                a[row + x] = b[row + x] ^ (~b[row + (x + 1) % 5] & M64 & b[row + (x + 2) % 5])
        a[0] ^= constant

def keccak256(data):
    rate = 136
    padded = bytearray(data) + b"\x01" + bytes(-(len(data) + 1) % rate)
    padded[-1] |= 0x80
    state = [0] * 25
    for start in range(0, len(padded), rate):
        for i in range(rate // 8):
            state[i] ^= int.from_bytes(padded[start + 8 * i:start + 8 * i + 8], "little")
        keccak_f(state)
    return b"".join(word.to_bytes(8, "little") for word in state[:4])

def rotl32(x, n):
    n %= 32
    return ((x << n) | (x >> (32 - n))) & M32

def sm3(data):
    v = [0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E]
    padded = bytes(data) + b"\x80" + bytes((55 - len(data)) % 64) + (8 * len(data)).to_bytes(8, "big")
    for start in range(0, len(padded), 64):
        w = [int.from_bytes(padded[start + 4 * i:start + 4 * i + 4], "big") for i in range(16)]
        for j in range(16, 68):
            x = w[j - 16] ^ w[j - 9] ^ rotl32(w[j - 3], 15)
            w.append(x ^ rotl32(x, 15) ^ rotl32(x, 23) ^ rotl32(w[j - 13], 7) ^ w[j - 6])
        a, b, c, d, e, f, g, h = v
        for j in range(64):
            t = 0x79CC4519 if j < 16 else 0x7A879D8A
            ss1 = rotl32((rotl32(a, 12) + e + rotl32(t, j)) & M32, 7)
            ff = a ^ b ^ c if j < 16 else (a & b) | (a & c) | (b & c)
            gg = e ^ f ^ g if j < 16 else (e & f) | (~e & M32 & g)
            tt1 = (ff + d + (ss1 ^ rotl32(a, 12)) + (w[j] ^ w[j + 4])) & M32
            tt2 = (gg + h + ss1 + w[j]) & M32
            a, b, c, d = tt1, a, rotl32(b, 9), c
            e, f, g, h = tt2 ^ rotl32(tt2, 9) ^ rotl32(tt2, 17), e, rotl32(f, 19), g
        v = [x ^ y for x, y in zip(v, (a, b, c, d, e, f, g, h))]
    return b"".join(x.to_bytes(4, "big") for x in v)

# Elliptic curves: ECDSA, key recovery on secp256k1
class Curve:
    """y^2 = x^3 + ax + b over the integers modulo p, p = 3 mod 4, cofactor 1. None is the point at infinity."""

    def __init__(self, p, a, b, n, gx, gy):
        self.p, self.a, self.b, self.n, self.g = p, a % p, b, n, (gx, gy)
        self.size = (p.bit_length() + 7) // 8

    def holds(self, x, y):
        return 0 <= x < self.p and 0 <= y < self.p and (y * y - x * x * x - self.a * x - self.b) % self.p == 0

    def add(self, P, Q):
        if P is None or Q is None:
            return P or Q
        if P[0] == Q[0]:
            if (P[1] + Q[1]) % self.p == 0:
                return None
            slope = (3 * P[0] * P[0] + self.a) * pow(2 * P[1], -1, self.p)
        else:
            slope = (Q[1] - P[1]) * pow(Q[0] - P[0], -1, self.p)
        x = (slope * slope - P[0] - Q[0]) % self.p
        return x, (slope * (P[0] - x) - P[1]) % self.p

    def sum(self, k1, P1, k2, P2):
        """k1*P1 + k2*P2."""
        choice, result = (None, P1, P2, self.add(P1, P2)), None
        for bit in range(max(k1.bit_length(), k2.bit_length()) - 1, -1, -1):
            result = self.add(self.add(result, result), choice[(k1 >> bit & 1) + 2 * (k2 >> bit & 1)])
        return result

    def number(self, digest):
        """The leftmost bits of a digest, as many as n has."""
        return int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - self.n.bit_length())

    def verify(self, key, digest, r, s):
        if not (self.holds(*key) and 0 < r < self.n and 0 < s < self.n):
            return False
        w = pow(s, -1, self.n)
        point = self.sum(self.number(digest) * w % self.n, self.g, r * w % self.n, key)
        return point is not None and point[0] % self.n == r

    def recover(self, digest, r, s, odd):
        """The key for a signature whose R has x = r (a recovery id of 0 or 1) and a y of this parity; None if none."""
        y = pow(r * r * r + self.a * r + self.b, (self.p + 1) // 4, self.p)
        if not self.holds(r, y):
            return None
        if y & 1 != odd:
            y = self.p - y
        inverse = pow(r, -1, self.n)
        return self.sum(-self.number(digest) * inverse % self.n, self.g, s * inverse % self.n, (r, y))

SECP256K1 = Curve(
    2**256 - 2**32 - 977, 0, 7, 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8)
P256 = Curve(
    2**256 - 2**224 + 2**192 + 2**96 - 1, -3, 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)
P384 = Curve(
    2**384 - 2**128 - 2**96 + 2**32 - 1, -3,
    0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
    0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F)
P521 = Curve(
    2**521 - 1, -3,
    0x0051953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F00,
    2**521 - 2**260 + 0xA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
    0x00C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3DBAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD66,
    0x011839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E662C97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16650)

# S2: strict JSON, RFC 8785, and the small kinds of value
MAX = 2**53 - 1
DIGITS = re.compile(r"0|[1-9][0-9]{0,15}")

def read_json(data):
    """RFC 8259 with the restrictions of S2."""
    def integer(token):
        need(DIGITS.fullmatch(token) and int(token) <= MAX, "number")
        return int(token)

    def refuse(token):
        raise Bad("number " + token)

    def members(pairs):
        need(len(dict(pairs)) == len(pairs), "name twice")
        return dict(pairs)

    def look(value, inside):
        need(inside <= 31, "too deep")
        for part in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
            look(part, inside + 1)

    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=members, parse_int=integer, parse_float=refuse,
                           parse_constant=refuse)
    except RecursionError as error:
        raise Bad("too deep") from error
    look(value, 0)
    canonical(value)      # a lone surrogate cannot be encoded, which is a ValueError
    return value

def canonical(value):
    """RFC 8785 for the values that S2 allows; Python escapes text in the same way."""
    def ordered(v):
        if isinstance(v, dict):
            return {name: ordered(v[name]) for name in sorted(v, key=lambda name: name.encode("utf-16-be"))}
        return list(map(ordered, v)) if isinstance(v, list) else v
    return json.dumps(ordered(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8")

def text(v): need(isinstance(v, str), "text")
def truth(v): need(isinstance(v, bool), "true or false")
def uint(v, low=0, high=MAX): need(type(v) is int and low <= v <= high, "uint")

def pattern(expression):
    compiled = re.compile(expression)

    def check(v):
        need(isinstance(v, str) and compiled.fullmatch(v), "not %s" % expression)
    return check

def hexn(n): return pattern("[0-9a-f]{%d}" % (2 * n))

hexes = pattern("(?:[0-9a-f]{2})*")
uuid = pattern("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

def exists(moment):
    """A (year, month, day, hour, minute, second) of the calendar; no 24:00, no leap second. The year 0 is as 2000."""
    datetime.datetime(moment[0] or 2000, *moment[1:])
    return moment

def instant(v):
    need(isinstance(v, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", v, re.ASCII), "instant")
    exists(seconds_of(v))

def seconds_of(v): return tuple(int(part) for part in re.split("[-T:.]", v)[:6])

def moment_of(timestamp):
    return (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=timestamp)).timetuple()[:6]

def to_instant(millis):
    return "%04d-%02d-%02dT%02d:%02d:%02d." % moment_of(millis // 1000) + "%03dZ" % (millis % 1000)

def one_of(words): return pattern(words.replace(" ", "|"))

def maybe(kind): return lambda v: None if v is None else kind(v)

def many(kind, most=None):
    def check(v):
        need(isinstance(v, list) and (most is None or len(v) <= most), "list")
        for item in v:
            kind(item)
    return check

def closed(**members):
    def check(v):
        need(isinstance(v, dict) and set(v) == set(members), "members")
        for name, kind in members.items():
            kind(v[name])
    return check

def to64(data, web=False):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode() if web else base64.b64encode(data).decode()

def from64(value, web=False):
    """base64 (padded) or base64url (unpadded): what is decoded, encoded again, gives the text."""
    text(value)
    data = base64.b64decode(value + "=" * (web and -len(value) % 4), b"-_" if web else None)
    need(to64(data, web) == value, "base64")
    return data

# S3, S5, S6: the documents
FILE = closed(digests=one_of("computed declared"), mediaType=maybe(text), name=text,
              role=one_of("evidence process-log environment cleanliness derived"), sha256=hexn(32), size=uint,
              sm3=maybe(hexn(32)))
T = maybe(text)
EVIDENCE = closed(
    accused=maybe(closed(name=T, shop=T, url=T, uscc=T)), capturedBy=T, capturedFrom=maybe(instant),
    capturedTo=maybe(instant),
    category=maybe(one_of("webpage screen-recording photo audio video document data other")),
    confidentiality=one_of("none internal trade-secret"), corroborations=many(closed(kind=text, reference=text)),
    description=T,
    origin=closed(environment=T, grade=one_of("verified-capture device-capture unverified-upload"), method=T, place=T,
                  source=T, statement=T, tool=T),
    right=maybe(closed(holder=T, number=T, type=text)), title=text)

def named(member):
    """An open object with a text of this name."""
    def check(v):
        need(isinstance(v, dict) and isinstance(v.get(member), str), member)
    return check

MANIFEST_MEMBERS = closed(
    clock=one_of("unchecked agreed doubtful"), depositor=closed(id=uuid, name=text, uscc=T), evidence=EVIDENCE,
    files=many(FILE), folder=maybe(closed(root=hexn(32), size=uint)), format=one_of("kezheng-manifest/1"), id=uuid,
    receivedAt=instant, salt=hexn(16), service=text, statement=maybe(named("format")))

def manifest(v):
    MANIFEST_MEMBERS(v)
    need((not v["files"]) == (v["folder"] is not None), "files are empty exactly where there is a folder")
    for file in v["files"]:
        need(file["sm3"] is not None or file["digests"] == "declared", "only declared allows no sm3")

FILE_ENTRY = closed(format=text, name=text, salt=hexn(16), sha256=hexn(32), size=uint, sm3=hexn(32))

def entry(v):
    named("format")(v)
    if v["format"] == "kezheng-manifest/1":
        manifest(v)
    elif v["format"] == "kezheng-file/1":
        FILE_ENTRY(v)
    else:
        pattern("kezheng-[a-z]{1,32}/[1-9][0-9]{0,3}")(v["format"])

ETHEREUM = closed(header=hexes, logPosition=uint, receipt=hexes, receiptProof=many(hexes, 64), transaction=hexes,
                  transactionIndex=uint, transactionProof=many(hexes, 64), type=text)

def anchor(v):
    named("type")(v)
    if v["type"] == "ethereum-header/1":
        ETHEREUM(v)

def from64_of(most):
    def check(v):
        need(len(from64(v)) <= most, "too many bytes")
    return check

STAMPED = dict(certificates=many(from64_of(8192), 8), token=from64_of(32768), type=text)
PATH = dict(hashes=many(hexn(32), 64), index=uint, size=lambda v: uint(v, 1, 2**32))
LOG = closed(chainId=uint, contract=pattern("0x[0-9a-f]{40}"), index=uint, operator=pattern("0x[0-9a-f]{40}"))
TOKENS = {
    "rfc3161-manifest/1": closed(**STAMPED), "rfc3161-bulk/1": closed(**STAMPED, **PATH),
    "rfc3161-root/1": closed(**STAMPED, log=LOG, revocation=many(
        closed(kind=one_of("crl ocsp"), value=from64_of(262144)), 8))}

def token(v):
    named("type")(v)
    TOKENS.get(v["type"], lambda v: None)(v)

BATCH = closed(hashes=many(hexn(32), 64), index=uint, size=lambda v: uint(v, 1, 2**32), type=one_of("batch"))
FOLDER = closed(hashes=many(hexn(32), 64), index=uint, manifest=manifest, size=lambda v: uint(v, 1, 2**32),
                type=one_of("folder"))

def number(v):
    found = isinstance(v, str) and re.fullmatch("([0-9]{4})-([0-9]{8,12})-([0-9]{2})", v)
    need(found and found[3] == "%02d" % (98 - int(found[1] + found[2] + "00") % 97), "number")

CERTIFICATE = closed(
    anchors=many(anchor, 8), entry=entry, format=one_of("kezheng-certificate/1"), inclusion=many(lambda v: None, 64),
    issuedAt=instant, number=number, revision=lambda v: uint(v, 1), signature=closed(protected=text, signature=text),
    stated=many(closed(name=text, value=text), 64), tokens=many(token, 64))

def read_certificate(data):
    """S5 except what the two texts of `signature` hold (check 1)."""
    need(len(data) <= 1048576, "too long")
    document = read_json(data)
    need(canonical(document) == data, "not canonical")
    CERTIFICATE(document)
    kinds = [FOLDER, BATCH] if document["entry"]["format"] == "kezheng-file/1" else [BATCH]
    need(len(document["inclusion"]) == len(kinds), "inclusion")
    for kind, step in zip(kinds, document["inclusion"]):
        kind(step)
    return document

ADDRESS = pattern("0x[0-9a-f]{40}")
TRUST = closed(
    authorities=many(closed(label=text, policies=many(pattern(r"[0-2](?:\.(?:0|[1-9][0-9]*))+")),
                            roots=many(lambda v: Certificate(from64(v))))),
    format=one_of("kezheng-trust/1"),
    issuers=many(closed(certificates=many(lambda v: Certificate(from64(v))), name=text)),
    logs=many(closed(chain=text, chainId=uint, contract=ADDRESS, genesisHash=pattern("0x[0-9a-f]{64}"),
                     operator=ADDRESS, runBy=text, test=truth)),
    name=text)

# S4: the tree
def leaf(document): return H(b"\x00" + canonical(document))

def root_of(start, step):
    """RFC 9162, 2.1.3.2, with the root as the result."""
    fn, sn, r = step["index"], step["size"] - 1, start
    need(fn <= sn, "index is not below size")
    for text_hash in step["hashes"]:
        p = bytes.fromhex(text_hash)
        need(sn != 0, "too many hashes")
        if fn & 1 or fn == sn:
            r = H(b"\x01" + p + r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = H(b"\x01" + r + p)
        fn, sn = fn >> 1, sn >> 1
    need(sn == 0, "too few hashes")
    return r

# S5, «X.509»: strict DER
OID = re.compile(rb"(?:(?:[\x81-\xff][\x80-\xff]*)?[\x00-\x7f])+", re.DOTALL)
MAX_OPEN = 32

def der(data, opened=1, left=None):
    """The elements of data as (first byte, value, whole); the value of a constructed one is a list of the same kind."""
    items, at, left = [], 0, [20000] if left is None else left
    while at < len(data):
        left[0] -= 1
        need(left[0] >= 0, "too many elements")
        start, tag, at = at, data[at], at + 1
        need(opened <= MAX_OPEN, "too many elements open at once")
        need(tag and tag & 31 != 31, "DER tag: none, or of more than one byte")
        need(tag >= 0x40 or (tag > 0x20) == (tag & 31 in (16, 17)), "DER: primitive or constructed")
        need(at < len(data), "DER ends")
        length, at = data[at], at + 1
        if length & 0x80:
            count, at = length & 0x7F, at + (length & 0x7F)
            need(count and at <= len(data), "DER length")
            length = int.from_bytes(data[at - count:at], "big")
            need(data[at - count] != 0 and length >= 128, "DER length is not the shortest")
        need(len(data) >= at + length, "DER ends")
        content, at = data[at:at + length], at + length
        items.append((tag, der(content, opened + 1, left) if tag & 0x20 else content, data[start:at]))
    return items

def of(item, tag=0x30):
    need(item and item[0] == tag, "DER tag")
    return item[1]

def der_integer(item):
    content = of(item, 0x02)
    value = int.from_bytes(content, "big", signed=True)
    need(content and (value + (value < 0)).bit_length() // 8 + 1 == len(content), "INTEGER is not the shortest")
    need(len(content) <= 2049, "INTEGER is too long")
    return value

def der_oid(item):
    content = of(item, 0x06)
    need(OID.fullmatch(content) and len(content) <= 255, "OID")
    return content.hex()

def der_bits(item):
    """(number of unused bits, bytes)"""
    content = of(item, 0x03)
    need(content and content[0] < 8 and (len(content) > 1 or content[0] == 0), "BIT STRING")
    need(len(content) == 1 or not content[-1] & ((1 << content[0]) - 1), "BIT STRING padding")
    return content[0], content[1:]

def two_integers(bits):
    """The pair of positive integers in a BIT STRING: an RSA key, an ECDSA signature."""
    need(bits[0] == 0, "unused bits")
    (pair,) = der(bits[1])
    a, b = map(der_integer, of(pair))
    need(a > 0 and b > 0, "not positive")
    return a, b

# S5, «X.509»: certificates
NULL, EC_KEY, RSA_KEY = (0x05, b"", b"\5\0"), "2a8648ce3d0201", "2a864886f70d010101"
CURVES = {"2a8648ce3d030107": P256, "2b81040022": P384, "2b81040023": P521}
SIGNATURES = {
    "2a8648ce3d040302": ("ec", "sha256"), "2a8648ce3d040303": ("ec", "sha384"), "2a8648ce3d040304": ("ec", "sha512"),
    "2a864886f70d01010b": ("rsa", "sha256"), "2a864886f70d01010c": ("rsa", "sha384"),
    "2a864886f70d01010d": ("rsa", "sha512")}
# DER of DigestInfo up to the digest (RFC 8017, 9.2, note 1)
DIGEST_INFO = {name: bytes.fromhex("30%02x300d06096086480165030402%02x050004%02x" % (size + 17, i, size))
               for name, i, size in (("sha256", 1, 32), ("sha384", 2, 48), ("sha512", 3, 64))}
BASIC, USAGE, EXTENDED = "551d13", "551d0f", "551d25"

def check_name(item):
    """A SEQUENCE of SETs (one or more, in order) of SEQUENCE {OID, any}."""
    for parts in of(item):
        wholes = [part[2] for part in of(parts, 0x31)]
        need(wholes and wholes == sorted(wholes), "SET is empty or not in order")
    for kind, _ in [of(part) for parts in item[1] for part in parts[1]]:
        der_oid(kind)

def read_algorithm(item):
    """(OID, list of the parameters, none or one)"""
    name, *parameters = of(item)
    need(len(parameters) <= 1, "parameters")
    return der_oid(name), parameters

def read_time(item):
    tag, content, _ = item
    digits = {0x17: 12, 0x18: 14}.get(tag)
    need(digits and re.fullmatch(rb"[0-9]{%d}Z" % digits, content), "time")
    value = content[:-1].decode()
    if tag == 0x17:
        value = ("19" if value >= "50" else "20") + value
    else:
        need(value >= "2050", "GeneralizedTime before 2050")
    return exists((int(value[:4]),) + tuple(int(value[i:i + 2]) for i in range(4, 14, 2)))

def read_key(info):
    """A subjectPublicKeyInfo: (curve, point) or (n, e), or None for other kinds of keys."""
    algorithm, key = of(info)
    (kind, parameters), bits = read_algorithm(algorithm), der_bits(key)
    if kind == RSA_KEY:
        n, e = two_integers(bits)
        need(parameters == [NULL] and n & 1 and n.bit_length() <= 8192 and e & 1 and 3 <= e < 2**32, "RSA key")
        return n, e
    need(bits[0] == 0, "unused bits")
    if kind != EC_KEY:
        return None
    (named,) = parameters
    curve = CURVES.get(der_oid(named))
    if not curve:
        return None
    need(len(bits[1]) == 1 + 2 * curve.size and bits[1][0] == 4, "not an uncompressed point")
    point = tuple(int.from_bytes(half, "big") for half in (bits[1][1:1 + curve.size], bits[1][1 + curve.size:]))
    return curve, point

class Certificate:
    """A well-formed X.509 certificate; anything else is Bad."""

    def __init__(self, data):
        (outer,) = der(data)
        body, algorithm, signature = of(outer)
        self.tbs = body[2]
        version, serial, inner, self.issuer, validity, self.subject, key, *rest = of(body)
        need(of(version, 0xA0) == [(0x02, b"\x02", b"\2\1\2")], "not version 3")
        need(0 <= der_integer(serial) < 2**160, "serial number")
        need(inner == algorithm, "two signature algorithms")
        check_name(self.issuer)
        check_name(self.subject)
        need(of(self.issuer), "empty issuer")
        self.begins, self.ends = map(read_time, of(validity))
        self.key = read_key(key)
        (name, self.parameters), self.signature = read_algorithm(algorithm), der_bits(signature)
        need(self.signature[0] == 0, "unused bits")
        self.kind, self.digest = SIGNATURES.get(name, (None, None))
        if self.parameters != {"ec": [], "rsa": [NULL]}.get(self.kind):
            self.kind = None
        self.pair = two_integers(self.signature) if self.kind == "ec" else None
        self.ca, self.path_length, self.usage, self.purposes, self.purposes_critical = False, None, None, None, False
        self.whole, self.serial, self.spki, self.key_bits = data, serial[1], key[2], der_bits(of(key)[1])[1]
        if rest:
            (explicit,) = rest      # of the optional fields only the extensions: no unique identifiers
            (extensions,) = of(explicit, 0xA3)
            need(of(extensions), "empty extensions")
            self.read_extensions(extensions[1])

    def read_extensions(self, extensions):
        seen = set()
        for extension in extensions:
            kind, *critical, value = of(extension)
            need(not critical or critical == [(0x01, b"\xff", b"\1\1\xff")], "critical: true, or in DER not written")
            name = der_oid(kind)
            need(name not in seen, "extension twice")
            seen.add(name)
            need(self.read_extension(name, of(value, 0x04)) or not critical, "unknown critical extension")
            self.purposes_critical |= name == EXTENDED and bool(critical)

    def read_extension(self, name, content):
        if name not in (BASIC, USAGE, EXTENDED):
            return False
        (value,) = der(content)
        if name == BASIC:
            items = list(of(value))
            self.ca = bool(items) and items[0][0] == 0x01
            need(not self.ca or items.pop(0)[1] == b"\xff", "cA: true, or in DER not written")
            if items:
                (self.path_length,) = map(der_integer, items)
                need(self.ca and 0 <= self.path_length < 2**31, "pathLen")
        elif name == USAGE:
            unused, bits = der_bits(value)
            need(bits and bits[-1] >> unused & 1, "DER: named bits end with a one")
            need(8 * len(bits) - unused <= 9, "bits beyond decipherOnly")
            self.usage = {i for i in range(8 * len(bits)) if bits[i // 8] >> (7 - i % 8) & 1}
        else:
            self.purposes = [der_oid(purpose) for purpose in of(value)]
            need(self.purposes, "extendedKeyUsage")
        return True

    def issued_by(self, other):
        """Names equal byte for byte, signature good."""
        if self.issuer != other.subject:
            return False
        pair = self.whole, other.whole
        if pair not in ISSUED:
            ISSUED[pair] = verifies(other.key, self.kind, self.digest, self.tbs, self.signature[1])
        return ISSUED[pair]

ISSUED = {}     # signatures that were looked at before

def verifies(key, kind, digest, data, raw):
    """This key made this signature over data; kind is ec or rsa, or None for what is not verified."""
    if not kind or not key or (kind == "ec") != isinstance(key[0], Curve):
        return False
    hashed = hashlib.new(digest, data).digest()
    if kind == "ec":
        try:
            return key[0].verify(key[1], hashed, *two_integers((0, raw)))
        except ValueError:
            return False
    # RSASSA-PKCS1-v1_5 (RFC 8017, 8.2.2)
    n, e = key
    size = (n.bit_length() + 7) // 8
    value, info = int.from_bytes(raw, "big"), DIGEST_INFO[digest] + hashed
    return (len(raw) == size >= len(info) + 11 and value < n and pow(value, e, n)
            == int.from_bytes(b"\1" + b"\xff" * (size - 3 - len(info)) + b"\0" + info, "big"))

TIME_STAMPING, OCSP_SIGNING, DOCUMENT_SIGNING = "2b06010505070308", "2b06010505070309", "2b06010505070324"

# S7.2 and 3
def fits(chain, moments, usages=(0,)):
    """What S7.3 says of each certificate, the signer's first, besides names and signatures."""
    def fit(place, c):
        between = sum(1 for other in chain[1:place] if other.issuer != other.subject)
        return (all(c.begins <= moment <= c.ends for moment in moments)
                and c.key and (isinstance(c.key[0], Curve) or c.key[0].bit_length() >= 2048)
                and (c.usage is None or c.usage & set((5,) if place else usages))      # keyCertSign; digitalSignature
                and (place == 0 or c.ca and (c.path_length is None or between <= c.path_length)))
    return all(fit(place, c) for place, c in enumerate(chain))

def issuer_known(x5c, moments, trust):
    """S7.3; moments are in whole seconds, so that a certificate is valid to the end of its last one."""
    chain = [Certificate(data) for data in x5c]
    if {TIME_STAMPING, DOCUMENT_SIGNING} & set(chain[0].purposes or ()):
        return False
    if len(set(x5c)) < len(x5c) or not all(a.issued_by(b) for a, b in zip(chain, chain[1:])):
        return False
    for issuer in trust["issuers"]:
        listed = [from64(c) for c in issuer["certificates"]]
        if x5c[-1] in listed:
            ways = [chain]
        elif any(data in listed for data in x5c):
            ways = []
        else:
            ways = [chain + [a] for a in map(Certificate, listed) if chain[-1].issued_by(a)]
        if any(fits(way, moments) for way in ways):
            return True
    return False

def check_signature(document):
    """S5, «Signature» (check 2): gives the DER of x5c."""
    signed = {name: v for name, v in document.items() if name != "signature"}
    if document["entry"]["format"] == "kezheng-file/1":
        folder, *outer = document["inclusion"]
        signed.update(entry=folder["manifest"], inclusion=outer)
    return check_jws(document["signature"], canonical(signed))

def check_jws(signature, payload):
    header = from64(signature["protected"], web=True)
    value = read_json(header)
    closed(alg=one_of("ES256"), x5c=many(text, 4))(value)
    need(canonical(value) == header and value["x5c"], "protected")
    x5c = [from64(c) for c in value["x5c"]]
    need(all(len(der) <= 8192 for der in x5c), "certificate too long")
    curve, point = [Certificate(data).key for data in x5c][0] or (None, None)
    need(curve is P256, "not a key on P-256")
    raw = from64(signature["signature"], web=True)
    need(len(raw) == 64, "signature length")
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    need(s <= P256.n // 2, "s is high")
    signed = (signature["protected"] + "." + to64(payload, web=True)).encode()
    need(P256.verify(point, H(signed), r, s), "signature does not verify")
    return x5c

STATEMENT = closed(format=text, publicKey=text, signature=text, signedAt=instant)

def check_statement(holder, keys):
    """S3, `statement`, and S7, check 5, of a manifest; `keys`: SHA-256 of those that the reader knows."""
    given = holder["statement"]
    if given is None:
        return "failed" if keys else "skipped"
    if given["format"] != "kezheng-statement/1":
        return "unknown"
    try:
        STATEMENT(given)
        key, raw = from64(given["publicKey"]), from64(given["signature"])
        head = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
        need(len(key) == 91 and key.startswith(head) and len(raw) == 64, "key or signature")
        signed = {name: holder[name] for name in "depositor evidence folder service".split()}
        signed["files"] = [{name: v for name, v in file.items() if name != "digests"} for file in holder["files"]]
        signed.update((name, given[name]) for name in "format publicKey signedAt".split())
        point = int.from_bytes(key[27:59], "big"), int.from_bytes(key[59:], "big")
        r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
        need(not keys or H(key).hex() in keys, "another key")
        return "passed" if P256.verify(point, H(canonical(signed)), r, s) else "failed"
    except ValueError:
        return "failed"

# S7, «RLP and trie proofs, strict»
def rlp(data):
    """Bytes and lists. Strict, because what is read, encoded again, gives the data."""
    def item(at, opened):
        need(at < len(data), "RLP ends")
        first = data[at]
        if first < 0x80:
            return data[at:at + 1], at + 1
        base, at = 0xC0 if first >= 0xC0 else 0x80, at + 1
        length = first - base
        if length > 55:
            count = length - 55
            length, at = int.from_bytes(data[at:at + count], "big"), at + count
        stop = at + length
        if base == 0x80:
            return data[at:stop], stop
        need(opened < 8, "RLP too deep")
        items = []
        while at < stop:
            value, at = item(at, opened + 1)
            items.append(value)
        return items, stop

    value, _ = item(0, 0)
    need(rlp_encode(value) == data, "RLP is not strict")
    return value

def rlp_bytes(value, size=None):
    need(isinstance(value, bytes) and (size is None or len(value) == size), "RLP bytes")
    return value

def rlp_list(value, size=None):
    need(isinstance(value, list) and (size is None or len(value) == size), "RLP list")
    return value

def rlp_integer(value):
    need(len(rlp_bytes(value)) <= 32 and value[:1] != b"\x00", "RLP integer")
    return int.from_bytes(value, "big")

def rlp_encode(value):
    if isinstance(value, bytes):
        if len(value) == 1 and value[0] < 0x80:
            return value
        body, base = value, 0x80
    else:
        body, base = b"".join(map(rlp_encode, value)), 0xC0
    if len(body) <= 55:
        return bytes([base + len(body)]) + body
    length = big_endian(len(body))
    return bytes([base + 55 + len(length)]) + length + body

def big_endian(value): return value.to_bytes((value.bit_length() + 7) // 8, "big")
def word(value): return value.to_bytes(32, "big")

def proven(root, key, proof, value):
    """The proof shows that the trie with this root holds value under key."""
    need(1 <= len(proof) <= 12, "proof length")
    path = key.hex()
    expected = root
    for place, node_hex in enumerate(proof):
        raw = bytes.fromhex(node_hex)
        need(len(raw) >= 32 and keccak256(raw) == expected, "node")
        node = rlp_list(rlp(raw))
        if len(node) == 17:
            need(path, "key ends in a branch")
            expected, path = rlp_bytes(node[int(path[0], 16)], 32), path[1:]
            continue
        need(len(node) == 2, "node")
        prefix = rlp_bytes(node[0]).hex()
        need(prefix and prefix[0] in "0123" and (prefix[0] in "13" or prefix[1] == "0"), "hex-prefix")
        nibbles = prefix[1:] if prefix[0] in "13" else prefix[2:]
        if prefix[0] in "23":
            need(nibbles == path, "leaf is for another key")
            need(rlp_bytes(node[1]) == value, "leaf has another value")
            need(place == len(proof) - 1, "nodes behind the leaf")
            return
        need(nibbles and path.startswith(nibbles), "extension")
        path = path[len(nibbles):]
        expected = rlp_bytes(node[1], 32)
    raise Bad("proof ends before the leaf")

# S7.12 to 15
def check_header(anchor):
    raw = bytes.fromhex(anchor["header"])
    need(len(raw) <= 16384, "header too long")
    items = rlp_list(rlp(raw))
    need(15 <= len(items) <= 40, "header items")
    for places, size in (((0, 1, 3, 4, 5, 13), 32), ((2,), 20), ((6,), 256), ((14,), 8)):
        for place in places:
            rlp_bytes(items[place], size)
    numbers = [rlp_integer(items[place]) for place in range(7, 12)]
    rlp_bytes(items[12])
    need(numbers[1] <= MAX and numbers[4] <= 253402300799, "header numbers")
    return {"transactions": items[4], "receipts": items[5], "number": numbers[1], "time": numbers[4],
            "hash": keccak256(raw)}

def envelope(raw):
    """(type, RLP list): EIP-2718, types 1 and 2, and legacy."""
    need(raw, "empty")
    kind = raw[0] if raw[0] in (1, 2) else 0
    return kind, rlp_list(rlp(raw[1:] if kind else raw))

def check_transaction(anchor, header):
    raw = bytes.fromhex(anchor["transaction"])
    need(len(raw) <= 4096, "transaction too long")
    kind, items = envelope(raw)
    fields = {0: "nonce gasPrice gas to value data v r s",
              1: "chainId nonce gasPrice gas to value data accessList v r s",
              2: "chainId nonce priorityFee fee gas to value data accessList v r s"}[kind].split()
    tx = dict(zip(fields, rlp_list(items, len(fields))))
    for name in fields:
        if name not in ("to", "data", "accessList"):
            tx[name] = rlp_integer(tx[name])
    rlp_bytes(tx["to"], 20)
    rlp_bytes(tx["data"])
    for access in rlp_list(tx.get("accessList", [])):      # EIP-2930: [[address, [key, ...]], ...]
        address, keys = rlp_list(access, 2)
        rlp_bytes(address, 20)
        for key in rlp_list(keys):
            rlp_bytes(key, 32)
    need(tx["value"] == 0, "value")
    if kind:
        need(tx["v"] <= 1, "parity")
        chain, odd = tx["chainId"], tx["v"]
        signed = bytes([kind]) + rlp_encode(items[:-3])
    else:
        need(tx["v"] >= 35, "no EIP-155")
        chain, odd = (tx["v"] - 35) // 2, (tx["v"] - 35) % 2
        signed = rlp_encode(items[:6] + [big_endian(chain), b"", b""])
    need(chain <= MAX, "chain id")
    need(0 < tx["r"] < SECP256K1.n and 0 < tx["s"] <= SECP256K1.n // 2, "r, s")
    key = SECP256K1.recover(keccak256(signed), tx["r"], tx["s"], odd)
    need(key is not None, "no sender")
    sender = keccak256(word(key[0]) + word(key[1]))[12:]
    data = tx["data"]
    need(len(data) == 100 and data[:4] == keccak256(b"append(uint64,bytes32,uint64)")[:4], "calldata")
    index, size = int.from_bytes(data[4:36], "big"), int.from_bytes(data[68:], "big")
    need(index <= MAX and 1 <= size <= MAX, "index or size")
    need(anchor["transactionIndex"] < 2**32, "transactionIndex")
    proven(header["transactions"], rlp_encode(big_endian(anchor["transactionIndex"])), anchor["transactionProof"], raw)
    return {"kind": kind, "chain": chain, "to": tx["to"], "sender": sender, "index": index, "root": data[36:68],
            "size": size}

def check_receipt(anchor, header, tx):
    raw = bytes.fromhex(anchor["receipt"])
    need(len(raw) <= 65536, "receipt too long")
    kind, items = envelope(raw)
    need(kind == tx["kind"], "types differ")
    status, gas, bloom, logs = rlp_list(items, 4)
    need(status == b"\x01", "status")
    rlp_integer(gas)
    rlp_bytes(bloom, 256)
    for log in rlp_list(logs):
        address, topics, data = rlp_list(log, 3)
        rlp_bytes(address, 20)
        need(len(rlp_list(topics)) <= 4, "topics")
        for topic in topics:
            rlp_bytes(topic, 32)
        rlp_bytes(data)
    proven(header["receipts"], rlp_encode(big_endian(anchor["transactionIndex"])), anchor["receiptProof"], raw)
    return logs

def check_event(anchor, tx, logs):
    need(anchor["logPosition"] < len(logs), "no such log")
    need(logs[anchor["logPosition"]] == [
        tx["to"], [keccak256(b"Appended(address,uint64,bytes32,uint64)"), bytes(12) + tx["sender"], word(tx["index"])],
        tx["root"] + word(tx["size"])], "event")

def check_block(found, blocks, everyone):
    """S7.17; everyone: the hashes of all anchors. RULE: of all that passed 12."""
    mine, genesis = "0x" + found["header"]["hash"].hex(), [log["genesisHash"] for log in found["logs"]]

    def counts(says):
        if says.get("chainId") not in (None, found["transaction"]["chain"]):
            return False
        if genesis and says.get("genesisHash") not in [None] + genesis:
            return False
        if says.get("number") is None:
            return says["hash"] == mine or says["hash"] not in everyone
        return says["number"] == found["header"]["number"]

    hashes = {says["hash"] for says in blocks if says.get("hash") and counts(says)}
    return "unknown" if not hashes else "passed" if hashes == {mine} else "failed"

# S5, «Time-stamp tokens»
DIGESTS = {"608648016503040201": "sha256", "608648016503040202": "sha384", "608648016503040203": "sha512"}
SM3_ID, SHA1_ID = "2a811ccf55018311", "2b0e03021a"
PROMISE = "2.25.147860789644224823730935928311375547881"

def der_one(data):
    (item,) = der(data)
    return item

def dotted(oid_hex):
    arcs, value = [], 0
    for byte in bytes.fromhex(oid_hex):
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            arcs, value = arcs + [value], 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first] + arcs[1:]))

def digest_id(item):
    name, parameters = read_algorithm(item)
    need(parameters in ([], [NULL]), "parameters of a digest algorithm")
    return name

def digest_name(item):
    name = DIGESTS.get(digest_id(item))
    need(name, "digest algorithm")
    return name

class Fields:
    """The members of a SEQUENCE from the front."""
    def __init__(self, items): self.items = list(items)
    def take(self, tag=None):
        need(self.items and tag in (None, self.items[0][0]), "member")
        return self.items.pop(0)
    def maybe(self, tag): return self.items.pop(0) if self.items and self.items[0][0] == tag else None
    def end(self): need(not self.items, "more members")

def small(item, tag=0x02, low=0, high=2**31 - 1):
    value = der_integer((0x02,) + item[1:]) if item[0] == tag else None
    need(value is not None and low <= value <= high, "small integer")
    return value

def general_time(item):
    """(seconds as a moment, milliseconds)"""
    found = re.fullmatch(rb"([0-9]{14})(?:\.([0-9]*[1-9]))?Z", of(item, 0x18))
    need(found, "GeneralizedTime")
    digits, fraction = found[1].decode(), (found[2] or b"").decode()
    moment = exists((int(digits[:4]),) + tuple(int(digits[i:i + 2]) for i in range(4, 14, 2)))
    return moment, int((fraction + "000")[:3])

def read_extensions_of(items, known):
    """Values by identifier: at least one, none twice, none critical but those known."""
    values = {}
    need(items, "no extensions")
    for item in items:
        kind, *critical, value = of(item)
        need(not critical or critical == [(0x01, b"\xff", b"\1\1\xff")], "critical")
        name = der_oid(kind)
        need(not critical or name in known, "critical extension")
        need(name not in values, "extension twice")
        values[name] = of(value, 0x04)
    return values

def uncritical(items):
    """As above; RULE: whether one of them stands twice is not said here."""
    need(items, "no extensions")
    for item in items:
        read_extensions_of([item], ())

def ess_first(value, v2):
    """(digest name, digest, (issuer, serial) or None) of the first ESSCertID."""
    members = Fields(of(value))
    ids = of(members.take(0x30))
    members.maybe(0x30)
    members.end()
    need(ids and all(item[0] == 0x30 for item in ids), "ESSCertID")
    first = Fields(of(ids[0]))
    algorithm = first.maybe(0x30) if v2 else None
    name = digest_name(algorithm) if algorithm else "sha256" if v2 else "sha1"
    digest, both = of(first.take(0x04), 0x04), first.maybe(0x30)
    first.end()
    if both:
        names, serial = of(both)
        (directory,) = of(names)
        (issuer,) = of(directory, 0xA4)
        der_integer(serial)
        both = issuer[2], serial[1]
    return name, digest, both

def read_tst_info(data):
    items = Fields(of(der_one(data)))
    small(items.take(), low=1, high=1)
    policy = dotted(der_oid(items.take()))
    algorithm, digest = of(items.take(0x30))
    name = digest_id(algorithm)
    size = {SM3_ID: 32, "608648016503040201": 32, "608648016503040202": 48, "608648016503040203": 64}.get(name)
    need(size and len(of(digest, 0x04)) == size, "imprint")
    der_integer(items.take())
    item = items.take()
    time, accuracy = general_time(item), items.maybe(0x30)
    millis, finer = 0, len(item[1]) > len("YYYYMMDDhhmmss.mmmZ")
    if accuracy:
        parts = Fields(of(accuracy))
        seconds, ms, us = parts.maybe(0x02), parts.maybe(0x80), parts.maybe(0x81)
        parts.end()
        millis = ((small(seconds) * 1000 if seconds else 0) + (small(ms, 0x80, 1, 999) if ms else 0)
                  + (1 if us and small(us, 0x81, 1, 999) else 0))
        need(millis <= 86400000, "accuracy")
    ordering = items.maybe(0x01)
    need(ordering is None or ordering[1] == b"\xff", "ordering")
    nonce = items.maybe(0x02)
    if nonce:
        der_integer(nonce)
    items.maybe(0xA0)
    extensions = items.maybe(0xA1)
    if extensions:
        uncritical(extensions[1])
    items.end()
    return {"policy": policy, "imprint": (name, digest[1]), "time": time, "accuracy": millis, "finer": finer}

TST_INFO, DATA = "2a864886f70d0109100104", "2a864886f70d010701"

def read_signed(data, version, type_, content=None):
    """CMS; content where it is detached. Without the content's own meaning."""
    kind, explicit = of(der_one(data))
    need(der_oid(kind) == "2a864886f70d010702", "not id-signedData")
    (signed,) = of(explicit, 0xA0)
    items = Fields(of(signed))
    small(items.take(), low=version, high=version)
    (listed,) = of(items.take(), 0x31)
    kind, *explicit = of(items.take())
    need(der_oid(kind) == type_, "content type")
    need(len(explicit) == (content is None), "content inside")
    if content is None:
        (content,) = of(explicit[0], 0xA0)
        content = of(content, 0x04)
    certificates = items.maybe(0xA0)
    need(certificates is None or certificates[1] and all(c[0] == 0x30 for c in certificates[1]), "certificates")
    (signer,) = of(items.take(), 0x31)
    items.end()
    version, name, digest, tagged, algorithm, signature = of(signer)
    small(version, low=1, high=1)
    issuer, serial = of(name)
    of(issuer), of(serial, 0x02)
    hashing = digest_name(digest)
    need(digest_name(listed) == hashing, "digest algorithms")
    of(tagged, 0xA0)
    signed_bytes = b"\x31" + tagged[2][1:]
    kind, parameters = read_algorithm(algorithm)
    if (kind, parameters) == (RSA_KEY, [NULL]):
        kind = "rsa"
    else:
        kind, by = SIGNATURES.get(kind, (None, None))
        need(by == hashing and parameters == {"ec": [], "rsa": [NULL]}[kind], "signature algorithm")
    wholes, attributes = [item[2] for item in tagged[1]], {}
    need(wholes and wholes == sorted(wholes), "signed attributes in order")
    for item in tagged[1]:
        name_, values = of(item)
        name_ = der_oid(name_)
        need(name_ not in attributes, "attribute twice")
        attributes[name_] = of(values, 0x31)

    def only(name):
        values = attributes.get(name)
        need(values is None or len(values) == 1, "one value")
        return values and values[0]
    need(der_oid(only("2a864886f70d010903")) == type_, "contentType")
    need(of(only("2a864886f70d010904"), 0x04) == hashlib.new(hashing, content).digest(), "messageDigest")
    protection = only("2a864886f70d010934")
    if protection:
        first, second = of(protection)
        need(first[2] == digest[2] and of(second, 0xA1) == algorithm[1], "cmsAlgorithmProtect")
    v1, v2 = only("2a864886f70d010910020c"), only("2a864886f70d010910022f")
    ids = ([ess_first(v1, False)] if v1 else []) + ([ess_first(v2, True)] if v2 else [])
    need(ids, "signer is not named")
    return {"content": content, "ids": ids, "signer": (issuer[2], serial[1]), "signed": signed_bytes,
            "signature": of(signature, 0x04), "kind": kind, "hashing": hashing,
            "certificates": [c[2] for c in certificates[1]] if certificates else []}

def read_token(data):
    read_ = read_signed(data, 3, TST_INFO)
    return {"info": read_tst_info(read_["content"]), **read_}

def algorithm_of(item):
    kind, parameters = read_algorithm(item)
    kind, digest = SIGNATURES.get(kind, (None, None))
    need(kind and parameters == {"ec": [], "rsa": [NULL]}[kind], "signature algorithm")
    return kind, digest

def read_reason(item):
    need(len(of(item, 0x0A)) == 1, "reason")
    return item[1][0]

def read_crl(data):
    tbs, algorithm, signature = of(der_one(data))
    items = Fields(of(tbs))
    small(items.take(), low=1, high=1)
    need(items.take(0x30)[2] == algorithm[2], "two algorithms")
    issuer = items.take(0x30)[2]
    read_time(items.take())
    later = items.maybe(0x17) or items.maybe(0x18)
    if later:
        read_time(later)
    entries, extensions = items.maybe(0x30), items.maybe(0xA0)
    items.end()
    if extensions:
        (explicit,) = extensions[1]
        read_extensions_of(of(explicit), ("551d1c",))
    revoked = []
    need(entries is None or entries[1], "no entries")
    for entry_ in entries[1] if entries else ():
        parts = Fields(of(entry_))
        serial, time, more = parts.take(), read_time(parts.take()), parts.maybe(0x30)
        der_integer(serial)
        serial = serial[1]
        parts.end()
        reason = read_extensions_of(more[1], ("551d15",)).get("551d15") if more else None
        revoked.append((serial, time, None if reason is None else read_reason(der_one(reason))))
    unused, raw = der_bits(signature)
    need(unused == 0, "unused bits")
    return {"issuer": issuer, "revoked": revoked, "tbs": tbs[2], "how": algorithm_of(algorithm), "signature": raw}

def read_ocsp(data):
    status, explicit = of(der_one(data))
    need(of(status, 0x0A) == b"\0", "not successful")
    (answer,) = of(explicit, 0xA0)
    kind, content = of(answer)
    need(der_oid(kind) == "2b0601050507300101", "not basic")
    tbs, algorithm, signature, *more = of(der_one(of(content, 0x04)))
    certificates = []
    if more:
        (explicit,) = more
        (listed,) = of(explicit, 0xA0)
        certificates = of(listed)
        need(1 <= len(certificates) <= 4 and all(c[0] == 0x30 for c in certificates), "certificates")
    items = Fields(of(tbs))
    need(items.take()[0] != 0xA0, "version")
    produced, singles, extensions = general_time(items.take())[0], items.take(0x30), items.maybe(0xA1)
    items.end()
    if extensions:
        (explicit,) = extensions[1]
        uncritical(of(explicit))
    need(singles[1], "no answers")
    said = []
    for single in singles[1]:
        parts = Fields(of(single))
        algorithm_, name_hash, key_hash, serial = of(parts.take(0x30))
        der_integer(serial)
        hashing = "sha1" if digest_id_or_sha1(algorithm_) == SHA1_ID else digest_name(algorithm_)
        state = parts.take()
        general_time(parts.take())
        later, more_ = parts.maybe(0xA0), parts.maybe(0xA1)
        parts.end()
        if later:
            general_time(later[1][0])
            need(len(later[1]) == 1, "nextUpdate")
        if more_:
            (explicit,) = more_[1]
            uncritical(of(explicit))
        if state[2] in (b"\x80\0", b"\x82\0"):
            what = {0x80: "good", 0x82: "unknown"}[state[0]]
        else:
            time, *reason = of(state, 0xA1)
            need(len(reason) <= 1, "revoked")
            if reason:
                (reason,) = of(reason[0], 0xA0)
                reason = read_reason(reason)
            moment, millis = general_time(time)
            what = (moment, millis), None if reason == [] else reason
        said.append((hashing, of(name_hash, 0x04), of(key_hash, 0x04), of(serial, 0x02), what))
    unused, raw = der_bits(signature)
    need(unused == 0, "unused bits")
    return {"said": said, "produced": produced, "tbs": tbs[2], "how": algorithm_of(algorithm), "signature": raw,
            "certificates": [c[2] for c in certificates]}

def digest_id_or_sha1(item): return der_oid(of(item)[0]) if of(item) else None

# S7.10
def readable(data):
    try:
        return Certificate(data)
    except ValueError:
        return None

def expected_imprint(stamp, document):
    entry, steps = document["entry"], document["inclusion"]
    if entry["format"] == "kezheng-file/1":
        entry = steps[0]["manifest"]
    if stamp["type"] == "rfc3161-manifest/1":
        return H(canonical(entry))
    if stamp["type"] == "rfc3161-bulk/1":
        return root_of(leaf(entry), stamp)
    root, size = root_of(leaf(entry), steps[-1]), steps[-1]["size"]
    return H(canonical({"format": "kezheng-root/1", "root": root.hex(), "size": size, **stamp["log"]}))

def signer_of(read_, given):
    """(the signer's certificate, the others); Bad where it is not the signer of these bytes."""
    need(len(given) <= 16, "too many certificates")
    name, digest, _ = read_["ids"][0]
    signer = Certificate(next((c for c in given if hashlib.new(name, c).digest() == digest), b""))
    named_ = signer.issuer[2], signer.serial
    for name, digest, both in read_["ids"]:
        need(hashlib.new(name, signer.whole).digest() == digest and both in (None, named_), "another signer")
    need(read_["signer"] == named_, "another signer")
    need(verifies(signer.key, read_["kind"], read_["hashing"], read_["signed"], read_["signature"]), "signature")
    return signer, [c for c in map(readable, dict.fromkeys(given)) if c and c.whole != signer.whole]

def check_token(stamp, document):
    """S7.10, «token»: what was read, or Bad."""
    read_ = read_token(from64(stamp["token"]))
    info = read_["info"]
    need(info["imprint"] == ("608648016503040201", expected_imprint(stamp, document)), "imprint")
    need(stamp["type"] == "rfc3161-root/1" or info["policy"] == PROMISE, "policy")
    given = read_["certificates"] + [from64(c) for c in stamp["certificates"]]
    signer, others = signer_of(read_, given)
    need(signer.purposes == [TIME_STAMPING] and signer.purposes_critical, "purpose")
    evidence = [(r["kind"], (read_crl if r["kind"] == "crl" else read_ocsp)(from64(r["value"])))
                for r in stamp.get("revocation", ())]
    return {"info": info, "signer": signer, "others": others, "evidence": evidence}

def ways_of(signer, others):
    """Every way upwards, the short ones first."""
    ways = last = [[signer]]
    for _ in range(3):
        last = [way + [c] for way in last for c in others
                if c not in way and c.issuer != c.subject and way[-1].issued_by(c)]
        ways = ways + last
    return ways

def led_to(ways, anchors, moment):
    """(paths that lead to one of the anchors, whether a way ends at one)"""
    paths, ends = [], False
    for way in ways:
        for anchor_ in anchors:
            if anchor_.whole == way[-1].whole:
                path = way
            elif way[-1].issued_by(anchor_):
                path = way + [anchor_]
            else:
                continue
            ends = True
            # RULE: a certificate that stands again as A is one that leads nowhere new (S7.3: none stands twice)
            if fits(path, [moment], (0, 1)):
                paths.append(path)
    return paths, ends

def said_of(c, n, evidence):
    """What is said of c by N: (authentic, [(when, reason) of revocations]) of each that speaks."""
    for kind, one in evidence:
        if kind == "crl":
            if one["issuer"] != c.issuer[2]:
                continue
            authentic = (n.usage is None or 6 in n.usage) and verifies(n.key, *one["how"], one["tbs"], one["signature"])
            said = [((when, 0), reason) for serial, when, reason in one["revoked"] if serial == c.serial]
        else:
            said = [what for hashing, name, key, serial, what in one["said"]
                    if serial == c.serial and hashlib.new(hashing, n.subject[2]).digest() == name
                    and hashlib.new(hashing, n.key_bits).digest() == key and what != "unknown"]
            if not said:
                continue
            authentic = verifies(n.key, *one["how"], one["tbs"], one["signature"]) or any(
                OCSP_SIGNING in (r.purposes or ()) and verifies(r.key, *one["how"], one["tbs"], one["signature"])
                and r.issued_by(n) and fits([r, n], [one["produced"]])
                for r in map(readable, one["certificates"]) if r)
            said = [what for what in said if what != "good"]
        yield authentic, said

def check_revocation(found, trust, evidence):
    """S7.10: False where revocation fails the token that `found` is of."""
    time = found["info"]["time"]
    candidates, listed = candidates_of(found), [c for _, one in listed_in(trust) for c in one]
    counts = standing(found, trust)[1]
    for path in led_to(ways_of(candidates[0], candidates[1:]), listed, time[0])[0]:
        for c, n in zip(path, path[1:]):
            for authentic, said in said_of(c, n, evidence):
                if not authentic or any(reason not in (0, 3, 4, 5) or when <= time for when, reason in said):
                    return False
    keys = [c.spki for c in counts[:-1]]
    return not any(authentic and any(reason in (1, 2) for _, reason in said)
                   for c in candidates if c.spki in keys
                   for n in candidates[1:] + listed if c.issued_by(n)
                   for authentic, said in said_of(c, n, evidence))

def candidates_of(found):
    return [found["signer"]] + sorted(found["others"], key=lambda c: c.whole)

def listed_in(trust):
    """(entry of the list, its certificates), issuers first"""
    return [(one, [Certificate(from64(c)) for c in one[member]])
            for kind, member in (("issuers", "certificates"), ("authorities", "roots")) for one in trust[kind]]

def standing(found, trust):
    """S7.10, «authority», without revocation: (own, independent, broken or unknown; path or None; label or None)"""
    if trust is None:
        return "unknown", None, None
    signer, *others = candidates_of(found)
    ways, moment = ways_of(signer, others), found["info"]["time"][0]
    reached = [(one, anchors) + led_to(ways, anchors, moment) for one, anchors in listed_in(trust)]
    own, outside = reached[:len(trust["issuers"])], reached[len(trust["issuers"]):]
    for one, _, paths, _ in own:
        if paths:
            return "own", paths[0], None
    if any(ends or signer.spki in [c.spki for c in anchors] for _, anchors, _, ends in own):
        return "broken", None, None
    for one, _, paths, _ in outside:
        if paths and found["info"]["policy"] in one["policies"]:
            return "independent", paths[0], one["label"]
    return ("broken" if any(ends and not paths for _, _, paths, ends in outside) else "unknown"), None, None

def check_authority(found, trust):
    """S7.10, «authority»: (status, (label, key) of an independent one or None)"""
    whose, path, label = standing(found, trust)
    if path is None:
        return {"broken": "failed", "unknown": "unknown"}[whose], None
    if not check_revocation(found, trust, found["evidence"]):
        return "failed", None
    return "passed", (label, found["signer"].spki) if whose == "independent" else None

def witnesses(independent):
    """Labels of (label, key), of which none has a label or a key of one before."""
    return [label for i, (label, key) in enumerate(independent)
            if not any(label == l or key == k for l, k in independent[:i])]

def millis_of(moment):
    """ms since the beginning of 1970"""
    year, *rest = moment
    # year 0 is a leap year of 366 days before the year 1
    day = datetime.datetime(year, *rest) if year else datetime.datetime(400, *rest)
    whole = (day - datetime.datetime(1970, 1, 1)) // datetime.timedelta(seconds=1) - (0 if year else 146097 * 86400)
    return whole * 1000

def stamp_time(info):
    """genTime and accuracy, in ms since the beginning of 1970."""
    moment, millis = info["time"]
    return min(millis_of(moment) + millis + info["finer"] + info["accuracy"], 253402300799999)

def check_tokens(document, trust):
    """A list of ((token, authority), proven time in ms or None, label)."""
    results, entry = [], document["entry"]
    if entry["format"] == "kezheng-file/1":
        entry = document["inclusion"][0]["manifest"]
    at = entry["receivedAt"] if entry["format"] == "kezheng-manifest/1" else None
    received = at and millis_of(seconds_of(at)) + int(at[20:23])
    for stamp in document["tokens"]:
        if stamp["type"] not in TOKENS:
            results.append((("unknown", "skipped"), None, None))
            continue
        try:
            found = check_token(stamp, document)
        except ValueError:
            results.append((("failed", "skipped"), None, None))
            continue
        status, label = check_authority(found, trust)
        if at and stamp_time(found["info"]) < received - 60000:
            status, label = "failed", None
        results.append((("passed", status), stamp_time(found["info"]) if label is not None else None, label))
    return results

# S7: the checks in their order
ONCE = "format signature issuer entry statement files digests sm3 inclusion".split()
ANCHORED = "anchor header transaction receipt event log block".split()

def check_files(document, given):
    """S7.6 to 8: statuses of files, digests, sm3."""
    entry = document["entry"]
    listed = {"kezheng-manifest/1": entry.get("files"), "kezheng-file/1": [entry]}.get(entry["format"])
    if not listed:
        return "unknown", "skipped", "skipped"
    matched = [(g, item) for g in given for item in listed if g["sha256"] == item["sha256"]]
    if any(g["sha256"] not in [item["sha256"] for item in listed] for g in given):
        files = "failed"
    else:
        files = "passed" if all(any(m is item for _, m in matched) for item in listed) else "unknown"
    if not matched:
        return files, "skipped", "skipped"
    wrong = any(g.get("size") is not None and g["size"] != item["size"] for g, item in matched)
    both = [(g["sm3"], item["sm3"]) for g, item in matched if g.get("sm3") and item["sm3"]]
    return (files, "failed" if wrong else "passed",
            "skipped" if not both else "passed" if all(a == b for a, b in both) else "failed")

def check_inclusion(document, transactions):
    """S7.9"""
    entry, steps = document["entry"], document["inclusion"]
    try:
        if entry["format"] == "kezheng-file/1":
            folder = steps[0]["manifest"]["folder"]
            need(folder and root_of(leaf(entry), steps[0]).hex() == folder["root"], "folder root")
            need(steps[0]["size"] == folder["size"], "folder size")
            entry = steps[0]["manifest"]
        root, size = root_of(leaf(entry), steps[-1]), steps[-1]["size"]
        need(all(tx["root"] == root and tx["size"] == size for tx in transactions), "anchored root or size")
    except ValueError:
        return "failed"
    return "passed" if transactions else "unknown"

def check_anchor(anchor, trust):
    """S7.11 to 16: the statuses, and what was read. 17 is left to check_anchors."""
    status, found = dict.fromkeys(ANCHORED, "skipped"), {"logs": []}
    if anchor["type"] != "ethereum-header/1":
        status["anchor"] = "unknown"
        return status, found
    status["anchor"] = "passed"
    for name, act in (("header", lambda: check_header(anchor)),
                      ("transaction", lambda: check_transaction(anchor, found["header"])),
                      ("receipt", lambda: check_receipt(anchor, found["header"], found["transaction"])),
                      ("event", lambda: check_event(anchor, found["transaction"], found["receipt"]))):
        try:
            found[name], status[name] = act(), "passed"
        except ValueError:
            status[name] = "failed"
            return status, found
        if name == "transaction":
            tx = found[name]
            found["logs"] = [log for log in trust["logs"] if log["chainId"] == tx["chain"]
                             and log["contract"] == "0x" + tx["to"].hex()
                             and log["operator"] == "0x" + tx["sender"].hex()] if trust else []
    status["log"] = "unknown" if trust is None else "passed" if found["logs"] else "failed"
    return status, found

def check_anchors(anchors, trust, blocks):
    """S7.11 to 17 and «good»: a list of (statuses, what was read, good or not)."""
    results = [check_anchor(anchor, trust) for anchor in anchors]
    everyone = ["0x" + found["header"]["hash"].hex() for _, found in results if "header" in found]
    for status, found in results:
        if status["event"] == "passed":
            status["block"] = check_block(found, blocks, everyone)
    results = [(status, found, set(status.values()) == {"passed"}) for status, found in results]
    for status, _, _ in results:
        if any(good for _, _, good in results) and [k for k in status if status[k] == "failed"] == ["log"]:
            status["log"] = "unknown"      # the second half of 16
    return results

# S10
OBJECT = rb"\n[1-9][0-9]{0,6} 0 obj\n<<\n"
CERTIFICATE_OBJECT = re.compile(
    OBJECT + rb"/Type /EmbeddedFile\n/Subtype /application#2fjson\n/Params <<\n/Size ([1-9][0-9]{0,6})\n>>\n"
    rb"/Length ([1-9][0-9]{0,6})\n>>\n\Z")
SEAL_HEAD = re.compile(
    OBJECT + rb"/Type /Sig\n/Filter /Adobe\.PPKLite\n/SubFilter /ETSI\.CAdES\.detached\n"
    rb"/ByteRange \[0 +([0-9]{1,8}) +([0-9]{1,8}) +([0-9]{1,8})\]\n/Contents \Z")
SEAL_TAIL = re.compile(rb"\n/M \(D:([0-9]{14})Z\)\n>>\nendobj\n")

def find_all(part, data):
    at = data.find(part)
    while at >= 0:
        yield at
        at = data.find(part, at + 1)

def open_pdf(data):
    """(the certificate, where it begins); Bad where there is not one."""
    need(len(data) <= 16777216 and data[:5] == b"%PDF-", "no PDF")
    (at,) = find_all(b'stream\n{"anchors":', data)
    found = CERTIFICATE_OBJECT.search(data[:at][-256:])
    need(found and found[1] == found[2], "object of the certificate")
    begin, end = at + 7, at + 7 + int(found[1])
    need(data[end:end + 18] == b"\nendstream\nendobj\n", "end of the certificate")
    return data[begin:end], begin

def check_pages(data, certificate, begin, trust, headers):
    """S7.18; headers: timestamps of the headers of anchors that passed 12 and 13."""
    ranges = [at for at in find_all(b"/ByteRange", data) if not begin <= at <= begin + len(certificate)]
    if not ranges:
        return "unknown"
    try:
        (at,) = ranges
        low = data.index(b"<", at)
        found = SEAL_HEAD.search(data[:low][-320:])
        need(found, "object of the signature")
        low_, high, rest = map(int, found.groups())
        need(low_ == low and high - low <= 131074 and high + rest == len(data), "ranges")
        contents = re.fullmatch(rb"<((?:[0-9a-f]{2})+)>", data[low:high])
        tail = SEAL_TAIL.match(data, high)
        need(contents and tail, "object of the signature")
        digits = tail[1].decode()
        moment = exists((int(digits[:4]),) + tuple(int(digits[i:i + 2]) for i in range(4, 14, 2)))
        contents = bytes.fromhex(contents[1].decode())
        # the first element says how long it is
        need(contents[0] == 0x30 and len(contents) > 6, "CMS")
        octets = contents[1] & 0x7F if contents[1] & 0x80 else 0
        size = 2 + octets + (int.from_bytes(contents[2:2 + octets], "big") if octets else contents[1])
        need(not any(contents[size:]), "padding")
        read_ = read_signed(contents[:size], 1, DATA, data[:low] + data[high:])
        signer, others = signer_of(read_, read_["certificates"])
    except ValueError:
        return "failed"
    if trust is None:
        return "unknown"
    ways, broken = ways_of(signer, sorted(others, key=lambda c: c.whole)), False
    for issuer in trust["issuers"]:
        anchors = [Certificate(from64(c)) for c in issuer["certificates"]]
        led = [led_to(ways, anchors, m) for m in {moment, max([moment] + [moment_of(h) for h in headers])}]
        if all(path for path, _ in led):
            return "passed" if DOCUMENT_SIGNING in (signer.purposes or ()) else "failed"
        broken |= led[0][1]
    return "failed" if broken else "unknown"

def real(found):
    """The logs in the trust list are there and no test logs (S6: a test log if any of them says so)."""
    return bool(found["logs"]) and not any(log["test"] for log in found["logs"])

def verify(data, given, trust, blocks, keys=()):
    """As verify_certificate(), of a certificate or of the PDF that holds it; Bad where a PDF holds none."""
    if data[:5] != b"%PDF-":
        return verify_certificate(data, given, trust, blocks, keys)
    certificate, begin = open_pdf(data)
    return verify_certificate(certificate, given, trust, blocks, keys,
                              lambda headers: check_pages(data, certificate, begin, trust, headers))

def verify_certificate(data, given, trust, blocks, keys=(), pages=None):
    """(verdict, test chain, proven time, labels of independent tokens, [(id, at, status)])"""
    try:
        document = read_certificate(data)
    except ValueError:
        return "invalid", True, None, [], [("format", None, "failed")] + [
            (name, None, "skipped") for name in ONCE[1:] + ANCHORED + (["pdf-pages"] if pages else [])]
    status = {"format": "passed"}
    anchors = check_anchors(document["anchors"], trust, blocks)
    stamped = [found for _, found, _ in anchors if "transaction" in found]      # passed 12 and 13
    try:
        x5c = check_signature(document)
        status["signature"], status["issuer"] = "passed", "unknown"
        if trust is not None:
            issued = seconds_of(document["issuedAt"])
            moments = issued, max([issued] + [moment_of(found["header"]["time"]) for found in stamped])
            status["issuer"] = "passed" if issuer_known(x5c, moments, trust) else "failed"
    except ValueError:
        status["signature"], status["issuer"] = "failed", "skipped"
    entry = document["entry"]
    known = entry["format"] in ("kezheng-manifest/1", "kezheng-file/1")
    status["entry"] = "passed" if known else "unknown"
    holder = document["inclusion"][0]["manifest"] if entry["format"] == "kezheng-file/1" else entry
    status["statement"] = check_statement(holder if known else {"statement": None}, keys)
    status["files"], status["digests"], status["sm3"] = check_files(document, given)
    status["inclusion"] = check_inclusion(document, [found["transaction"] for found in stamped])
    checks = [(name, None, status[name]) for name in ONCE]
    stamps = check_tokens(document, trust)
    for i, (pair, _, _) in enumerate(stamps):
        checks += [(name, "tokens[%d]" % i, result) for name, result in zip(("token", "authority"), pair)]
    for i, (result, _, _) in enumerate(anchors):
        checks += [(name, "anchors[%d]" % i, result[name]) for name in ANCHORED]
    required = "format signature issuer entry files digests inclusion".split() + ["statement"] * bool(keys)
    if pages:
        status["pdf-pages"] = pages([found["header"]["time"] for found in stamped])
        checks.append(("pdf-pages", None, status["pdf-pages"]))
        required.append("pdf-pages")
    # S7, «Verdict», «Time», «Test chain»
    good = [found for _, found, is_good in anchors if is_good]
    if any(s == "failed" for _, _, s in checks):
        verdict, good, stamps = "invalid", [], []
    elif good and all(status[n] == "passed" for n in required):
        verdict = "valid"
    else:
        verdict = "incomplete"
    times = [1000 * found["header"]["time"] for found in good if real(found)]
    times += [time for _, time, label in stamps if label is not None]
    times = times or [1000 * found["header"]["time"] for found in good]
    labels = witnesses([who for _, _, who in stamps if who is not None])
    return (verdict, not any(map(real, good or stamped)), to_instant(min(times)) if times else None, labels, checks)

# Running
def read(path):
    with open(path, "rb") as file:
        return file.read()

def measured(data):
    return {"sha256": H(data).hex(), "sm3": sm3(data).hex(), "size": len(data)}

def refused(data):
    try:
        open_pdf(data)
        return False
    except ValueError:
        return True

def asked(certificate, given, trust, blocks, keys=()):
    """verify(), but what is wrong in the question (S6) is an error of whoever asks."""
    maybe(TRUST)(trust)
    for supplied in given:
        hexn(32)(supplied["sha256"])
        maybe(hexn(32))(supplied.get("sm3"))
        maybe(uint)(supplied.get("size"))
    return verify(certificate, given, trust, blocks, keys)

def run_cases(path):
    base = os.path.dirname(path)
    cases, wrong = read_json(read(path)), 0
    for case in cases:
        try:
            if "refused" in case:
                if not refused(read(os.path.join(base, case["certificate"]))):
                    wrong += 1
                    print("%s (%s): a certificate was taken out of it" % (case["name"], case["certificate"]))
                continue
            given = [measured(read(os.path.join(base, "files", f["file"]))) if "file" in f else f
                     for f in case["files"]]
            verdict, test, counts, labels, checks = asked(
                read(os.path.join(base, case["certificate"])), given, case["trust"], case["blocks"],
                case.get("depositorKeys", ()))
        except Exception as error:      # a crash is a disagreement, too
            verdict, test, counts, labels, checks = repr(error), None, None, None, []
        mine = ["verdict %s" % verdict, "testChain %s" % test, "counts %s" % counts, "authorities %s" % labels]
        mine += ["%s %s %s" % check for check in checks]
        expected = ["verdict %s" % case["verdict"], "testChain %s" % case["testChain"], "counts %s" % case["counts"],
                    "authorities %s" % case["authorities"]]
        expected += ["%s %s %s" % (c["id"], c.get("at"), c["status"]) for c in case["checks"]]
        if mine != expected:
            wrong += 1
            print("%s (%s): found %s; expected %s" % (
                case["name"], case["certificate"], ", ".join(x for x in mine if x not in expected) or "another order",
                ", ".join(x for x in expected if x not in mine) or "nothing more"))
    print("%d cases, %d disagreements" % (len(cases), wrong))
    return 1 if wrong else 0

VERDICTS = {"valid": ("有效", 0), "invalid": ("无效", 1), "incomplete": ("尚不完整", 2)}
SIGNS = {"passed": "+", "failed": "x", "unknown": "?", "skipped": "-"}
EX_USAGE, EX_CLOSED_PIPE = 64, 141

class Usage(Exception):
    """Not called as documented, or with something that cannot be read."""

def handed_in(path):
    try:
        return read(path)
    except OSError as error:
        raise Usage("无法读取 %s / cannot read it (%s)" % (shown(path), error.strerror)) from error

def shown(path):
    """A name that no terminal obeys."""
    return "".join(c if c.isprintable() else "\\x%02x" % ord(c) for c in path)

def trust_from(path):
    try:
        trust = read_json(handed_in(path))
        TRUST(trust)
        return trust
    except ValueError as error:
        raise Usage("%s 不是信任清单 / is no trust list (%s)" % (shown(path), error)) from error

def block_from(value):
    value = value.lower()
    if not re.fullmatch("0x[0-9a-f]{64}", value):
        raise Usage("--block-hash 应为 0x 加 64 位十六进制 / is 0x and 64 hex digits")
    return {"source": "--block-hash", "hash": value}

def headers_of(data):
    """(number, hash) of each header that can be read: what is to be looked up."""
    try:
        anchors = read_certificate(open_pdf(data)[0] if data[:5] == b"%PDF-" else data)["anchors"]
    except ValueError:
        return
    for one in anchors:
        try:
            header = check_header(one) if one["type"] == "ethereum-header/1" else None
        except ValueError:
            continue
        if header:
            yield header["number"], "0x" + header["hash"].hex()

def run_check(options):
    trust = options.trust and trust_from(options.trust)
    blocks = [block_from(value) for value in options.block_hash]
    certificate = handed_in(options.check)
    if certificate[:5] == b"%PDF-":
        try:
            open_pdf(certificate)
        except ValueError:
            raise Usage("%s 中没有恰好一份证书 / does not hold exactly one certificate" % shown(options.check))
    given = []
    for path in options.paths:
        data = handed_in(path)
        given.append({"sha256": H(data).hex(), "size": len(data)} if options.no_sm3 else measured(data))
    verdict, test, counts, labels, checks = asked(certificate, given, trust, blocks)
    words, code = VERDICTS[verdict]
    print("%s %s" % (words, verdict))
    was_read = checks[0][2] == "passed"
    if test and was_read:
        print("测试链：不具证据用途 / test chain: not for use as evidence")
    if counts:
        print("以此时间为准 this time counts: %s" % counts)
    if labels:
        print("独立时间戳机构 independent time-stamp authorities: %s" % ", ".join(map(shown, labels)))
    for name, at, status in checks:
        print("  %s %s%s: %s" % (SIGNS[status], name, " " + at if at else "", status))
    if any(name == "block" and status == "unknown" for name, _, status in checks):
        for number_, expected in headers_of(certificate):
            print("尚待比对 to be looked up: block %d = %s" % (number_, expected))
    if trust is None and was_read:
        print("未给出信任清单 / no trust list was given: --trust")
    return code

class Parser(argparse.ArgumentParser):
    def error(self, message):
        raise Usage(message)

def main(argv):
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, usage=argparse.SUPPRESS)
    parser.add_argument("--check", metavar="CERTIFICATE")
    parser.add_argument("--trust", metavar="FILE")
    parser.add_argument("--block-hash", action="append", default=[], metavar="0x...")
    parser.add_argument("--no-sm3", action="store_true")
    parser.add_argument("paths", nargs="*", metavar="FILE")
    try:
        options = parser.parse_intermixed_args(argv)
        if options.check:
            return run_check(options)
        if len(options.paths) != 1 or options.trust or options.block_hash:
            raise Usage("缺少 --check / --check is missing")
        return run_cases(options.paths[0])
    except Usage as error:
        print("%s\n\n%s\n\n--help" % (error, __doc__.split("\n\n")[1]), file=sys.stderr)
        return EX_USAGE

if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")      # a console that has no Chinese
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:      # ... | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = EX_CLOSED_PIPE
    sys.exit(code)
