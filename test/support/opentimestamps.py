"""Judges OpenTimestamps proofs with Debian's python3-opentimestamps, and with nothing of this project.

Each line of the input is a case: {"ots": hex, "digest": hex, "blocks": {number: a block as a node's JSON-RPC says it}}.
Each line of the answer: {"timestamp", "canonical"} where the proof holds for that digest in one of those blocks, or
{"refused": why}.
"""
import json
import sys

from opentimestamps.core.dubious.notary import EthereumBlockHeaderAttestation
from opentimestamps.core.op import OpSHA256
from opentimestamps.core.serialize import BytesDeserializationContext, BytesSerializationContext
from opentimestamps.core.timestamp import DetachedTimestampFile


def judge(case):
    given = bytes.fromhex(case["ots"])
    proof = DetachedTimestampFile.deserialize(BytesDeserializationContext(given))
    if not isinstance(proof.file_hash_op, OpSHA256):
        return {"refused": "not SHA-256 of the file"}
    if proof.file_digest.hex() != case["digest"]:
        return {"refused": "another file"}
    [(message, attestation)] = proof.timestamp.all_attestations()
    if not isinstance(attestation, EthereumBlockHeaderAttestation):
        return {"refused": "no Ethereum attestation"}
    block = case["blocks"].get(str(attestation.height))
    if block is None:
        return {"refused": "no such block"}
    timestamp = attestation.verify_against_blockheader(message, block)
    again = BytesSerializationContext()
    proof.serialize(again)
    return {"timestamp": timestamp, "canonical": again.getbytes() == given}


for line in sys.stdin:
    try:
        answer = judge(json.loads(line))
    except Exception as error:  # each of its errors is a refusal; which one, is told
        answer = {"refused": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer))
