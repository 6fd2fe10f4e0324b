import { createHash } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { CERTIFICATE, OLD, renewAll, renewalTrust } from '../../../scripts/vectors/renewal-cases.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { equalBytes, utf8 } from '../../../server/core/read/bytes.ts';
import {
  formatOf,
  parseRenewal,
  planRenewal,
  readRenewable,
  renewedRoot,
} from '../../../server/core/renewal/renewal.ts';
import { MAX_RENEWAL_PATH, renewalTree, rootOfRenewalPath } from '../../../server/core/renewal/tree.ts';
import { checkRenewals } from '../../../server/core/verify/renewals.ts';
import { parseTrust } from '../../../server/core/verify/trust.ts';

const sha512 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** As RFC 4998 §4.1 tells it, level by level, with Node's own sort and hash. */
function naiveRoot(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return leaves[0]!;
  const level: Uint8Array[] = [];
  for (let i = 0; i < leaves.length; i += 2) {
    const group = leaves.slice(i, i + 2);
    level.push(group.length === 1 ? group[0]! : sha512(...group.toSorted(Buffer.compare)));
  }
  return naiveRoot(level);
}

const files = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 300 });
const leavesOf = (contents: readonly Uint8Array[]) => contents.map((content) => sha512(content));

t.test('of 1 to 300 files each path leads to the root that RFC 4998 gives', async () => {
  await fc.assert(
    fc.property(files, (contents) => {
      const leaves = leavesOf(contents);
      const { root, paths } = renewalTree(leaves);
      return (
        equalBytes(root, naiveRoot(leaves)) &&
        leaves.every((leaf, i) => equalBytes(rootOfRenewalPath(leaf, paths[i]!), root)) &&
        paths.every((path) => path.length <= MAX_RENEWAL_PATH)
      );
    }),
    { numRuns: 60 },
  );
});

t.test('a flipped bit in a file or on a path leads elsewhere', async () => {
  await fc.assert(
    fc.property(files, fc.nat(), fc.nat(), (contents, which, bit) => {
      const leaves = leavesOf(contents);
      const { root, paths } = renewalTree(leaves);
      const i = which % leaves.length;
      const whole = [leaves[i]!, ...paths[i]!].map((one) => Uint8Array.from(one));
      const at = bit % (whole.length * 512);
      whole[at >> 9]![(at >> 3) & 63]! ^= 1 << (at & 7);
      const [leaf, ...path] = whole;
      return !equalBytes(rootOfRenewalPath(leaf!, path), root);
    }),
    { numRuns: 300 },
  );
});

t.test('each renewal of one plan is of its own file and no other', async () => {
  await fc.assert(
    fc.property(files, fc.array(fc.boolean(), { minLength: 300 }), (contents, isRenewal) => {
      const renewables = contents.map((bytes, i) => ({
        bytes,
        tokens: isRenewal[i] ? [sha512(bytes), sha512(sha512(bytes))] : [],
      }));
      const plan = planRenewal(renewables);
      const made = plan.finish(
        { token: new Uint8Array([1]), certificates: [] },
        contents.map(() => []),
      );
      return made.every((bytes, i) =>
        equalBytes(renewedRoot(parseRenewal(bytes), renewables[i]!), plan.root),
      );
    }),
    { numRuns: 30 },
  );
});

t.test('only a certificate or a renewal can be renewed', async (t) => {
  t.strictSame(readRenewable(CERTIFICATE).tokens, []);
  t.throws(() => readRenewable(Buffer.from('{"format":"kezheng-trust/1"}')), { code: 'field-value-wrong' });
  t.throws(() => readRenewable(Buffer.from('a photograph')), { code: 'json-unexpected' });
  t.throws(() => readRenewable(Buffer.from('{"format":"kezheng-renewal/1"}')), { code: 'field-missing' });
  t.equal(formatOf(CERTIFICATE), 'kezheng-certificate/1');
  t.equal(formatOf(Buffer.from('{"format":1}')), undefined);
  t.equal(formatOf(Buffer.from('{')), undefined);
  t.equal(formatOf(new Uint8Array(2 ** 20 + 1)), undefined);
});

t.test('a flipped bit anywhere in a renewal is seen', async (t) => {
  const [renewal] = renewAll([CERTIFICATE], OLD, '2030-01-01') as readonly [Uint8Array];
  const trust = parseTrust(utf8(JSON.stringify(renewalTrust())));
  const passes = async (bytes: Uint8Array) => {
    const request = {
      certificate: CERTIFICATE,
      notBeforeMs: 0,
      renewals: [bytes],
      held: [],
      trust,
      verifier: nodeSignatures,
    };
    const [finding] = await checkRenewals(request);
    return finding!.checks.every(({ status }) => status === 'passed');
  };
  t.ok(await passes(renewal));
  const unseen: number[] = [];
  // By sevens: one bit or two of each byte.
  for (let bit = 0; bit < renewal.length * 8; bit += 7) {
    const damaged = renewal.slice();
    damaged[bit >> 3]! ^= 1 << (bit & 7);
    if (await passes(damaged)) unseen.push(bit);
  }
  t.strictSame(unseen, []);
});
