import t from 'tap';
import { MAX_MESSAGE_BYTES, MAX_OPERATIONS, OtsPath } from '../../../server/core/ots/path.ts';
import { toHex } from '../../../server/core/read/bytes.ts';
import { refusal } from '../../support/format-error.ts';
import { judge, whyNoOpenTimestamps } from '../../support/opentimestamps.ts';
import { readOts } from '../../support/ots-reader.ts';

const skip = whyNoOpenTimestamps();
const DIGEST = new Uint8Array(32).fill(0x5a);
const NOTHING = new Uint8Array();

/** The library's word on the way so far, attested by a block that has the message as its transactionsRoot. */
function judged(path: OtsPath, blockNumber = 7) {
  const block = { transactionsRoot: `0x${toHex(path.message)}`, timestamp: 1234 };
  const ots = path.attestedByEthereum(blockNumber);
  return judge([{ ots, digest: toHex(DIGEST), blocks: { [blockNumber]: block } }])[0]!;
}

t.test('a proof has the bytes that the library’s own unit test has for its attestation', async (t) => {
  const bytes = toHex(new OtsPath(DIGEST).attestedByEthereum(0));
  t.equal(
    bytes,
    `004f70656e54696d657374616d7073000050726f6f6600bf89e2e884e89294${'0108'}${toHex(DIGEST)}0030fe8087b5c7ead70100`,
  );
});

t.test('every operation does what the library says it does', { skip }, async (t) => {
  const path = new OtsPath(DIGEST);
  const steps: Readonly<Record<string, () => void>> = {
    hexlify: () => path.hexlify(),
    'bytes on both sides': () => path.enclose(Uint8Array.of(1, 2), Uint8Array.of(3)),
    keccak256: () => path.keccak256(),
    'bytes before': () => path.enclose(Uint8Array.of(0xff), NOTHING),
    'bytes behind': () => path.enclose(NOTHING, new Uint8Array(200)),
    'no bytes': () => path.enclose(NOTHING, NOTHING),
  };
  for (const [name, step] of Object.entries(steps)) {
    step();
    // A block's root has 32 bytes; other messages are hashed to one.
    path.sha256();
    t.strictSame(judged(path), { timestamp: 1234, canonical: true }, name);
  }
});

t.test('block numbers of every length come out as they went in', { skip }, async (t) => {
  const numbers = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32 + 1, 2 ** 49, Number.MAX_SAFE_INTEGER];
  for (const number of numbers) {
    t.strictSame(judged(new OtsPath(DIGEST), number), { timestamp: 1234, canonical: true }, `${number}`);
    t.equal(readOts(new OtsPath(DIGEST).attestedByEthereum(number)).blockNumber, number);
  }
});

t.test('a message is as long as the library takes it, and no byte longer', { skip }, async (t) => {
  const path = new OtsPath(DIGEST);
  path.enclose(new Uint8Array(MAX_MESSAGE_BYTES - DIGEST.length), NOTHING);
  path.sha256();
  t.strictSame(judged(path), { timestamp: 1234, canonical: true });
  const long = new OtsPath(DIGEST);
  t.equal(
    refusal(() => long.enclose(NOTHING, new Uint8Array(MAX_MESSAGE_BYTES - DIGEST.length + 1))),
    'ots-message-too-long',
  );
  // What the library says of one byte more, written by hand: sha256 over 4,097 bytes.
  const operand = (n: number) => Buffer.concat([Buffer.of(0xf1, 0x80 + (n % 128), n >> 7), Buffer.alloc(n)]);
  const start = new OtsPath(DIGEST).attestedByEthereum(7);
  const written = Buffer.concat([start.subarray(0, 65), operand(4065), Buffer.of(8), start.subarray(65)]);
  t.match(judge([{ ots: written, digest: toHex(DIGEST), blocks: {} }]), [
    { refused: /Result too long; 4097/ },
  ]);
});

t.test('a way has as many operations as the library takes, and not one more', { skip }, async (t) => {
  const path = new OtsPath(DIGEST);
  for (let i = 0; i < MAX_OPERATIONS; i++) path.sha256();
  t.strictSame(judged(path), { timestamp: 1234, canonical: true });
  const whole = path.attestedByEthereum(7);
  t.equal(
    refusal(() => path.sha256()),
    'ots-path-too-long',
  );
  const longer = Buffer.concat([whole.subarray(0, 65), Buffer.of(8), whole.subarray(65)]);
  t.match(judge([{ ots: longer, digest: toHex(DIGEST), blocks: {} }]), [{ refused: /RecursionLimitError/ }]);
});
