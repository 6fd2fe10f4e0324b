import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { CERTIFICATE, changed, OLD, renew, renewalTrust } from '../../../scripts/vectors/renewal-cases.ts';
import { verifyCase } from '../../../scripts/vectors/renewals.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { utf8 } from '../../../server/core/read/bytes.ts';
import type { JsonObject } from '../../../server/core/read/json.ts';
import type { ComparedBlock } from '../../../server/core/verify/anchors.ts';
import { goodUntilMs } from '../../../server/core/verify/held.ts';
import { checkRenewals, heldOfRenewal } from '../../../server/core/verify/renewals.ts';
import { parseTrust } from '../../../server/core/verify/trust.ts';

const FOLDER = join(import.meta.dirname, '..', '..', 'vectors');

interface Case {
  readonly name: string;
  readonly certificate: string;
  readonly renewals: readonly string[];
  readonly trust: JsonObject | null;
  readonly blocks: readonly ComparedBlock[];
  readonly verdict: string;
  readonly checks: readonly object[];
  readonly counts: string | null;
  readonly authorities: readonly string[];
  readonly layers: readonly object[];
}

const cases = JSON.parse(readFileSync(join(FOLDER, 'renewals.json'), 'utf8')) as readonly Case[];
const read = (file: string) => new Uint8Array(readFileSync(join(FOLDER, file)));

t.test('every vector of renewals comes out as written', async (t) => {
  for (const { name, certificate, renewals, trust, blocks, ...expected } of cases) {
    const report = await verifyCase({
      certificate: read(certificate),
      renewals: renewals.map(read),
      trust: trust ?? undefined,
      blocks,
    });
    const { facts } = report;
    const found = {
      verdict: report.verdict,
      checks: report.checks
        .filter(({ at }) => at?.startsWith('renewals'))
        .map(({ id, at, status }) => ({ id, at, status })),
      counts: facts?.counts?.at ?? null,
      authorities: facts?.authorities ?? [],
      layers: facts?.layers.map((layer) => ({ ...layer, carriedBy: layer.carriedBy ?? null })) ?? [],
    };
    t.strictSame(found, expected, name);
  }
});

t.test('a certificate is what it was, whether or not a renewal is missing', async (t) => {
  const [{ certificate, trust, blocks }] = cases as readonly [Case];
  const given = { certificate: read(certificate), trust: trust ?? undefined, blocks };
  const alone = await verifyCase({ ...given, renewals: [] });
  for (const one of cases.filter((other) => other.verdict === 'valid' && other.trust !== null)) {
    const renewed = await verifyCase({ ...given, renewals: one.renewals.map(read) });
    t.equal(renewed.verdict, alone.verdict, one.name);
    t.strictSame(renewed.checks.slice(0, alone.checks.length), alone.checks, one.name);
    // Made within the minute in which clocks may differ, its time is the earliest that is proven.
    if (one.name === 'a minute before the certificate was issued')
      t.equal(renewed.facts?.counts?.at, '2026-11-22T06:59:09.412Z');
    else t.strictSame(renewed.facts?.counts, alone.facts?.counts, one.name);
  }
});

t.test(
  'a renewal tells a time: that of an authority, which is proven, or that of the operator',
  async (t) => {
    const when = async (name: string) => {
      const { certificate, renewals, trust, blocks } = cases.find((one) => one.name === name)!;
      const given = { certificate: read(certificate), renewals: renewals.map(read) };
      const report = await verifyCase({ ...given, trust: trust ?? undefined, blocks });
      return report.facts!.when.filter(({ token }) => token?.type === 'kezheng-renewal/1');
    };
    t.match(await when('renewed alone'), [
      { clock: 'authority', at: '2035-06-01T00:00:01.000Z', proven: true, token: { label: 'old authority' } },
    ]);
    t.match(await when('by the operator itself'), [{ clock: 'own-token', proven: false }]);
    t.match(await when('renewed after the first authority ended'), [{ proven: false }, { proven: false }]);
  },
);

t.test('what a newer list of trust could tell is not put down to an old checker', async (t) => {
  const open = cases.find(({ name }) => name.startsWith('by nobody'))!;
  const given = { certificate: read(open.certificate), renewals: open.renewals.map(read) };
  const { remaining } = await verifyCase({ ...given, trust: open.trust!, blocks: open.blocks });
  t.strictSame(remaining, []);
});

t.test('primitives that are broken are no verdict', async (t) => {
  const broken = { verify: () => Promise.reject(new Error('no primitives')) };
  const renewals = [renew(CERTIFICATE, OLD, '2030-01-01')];
  const request = { certificate: CERTIFICATE, notBeforeMs: 0, held: [], trust: undefined, verifier: broken };
  await t.rejects(checkRenewals({ ...request, renewals }), /no primitives/);
  await t.rejects(checkRenewals({ ...request, renewals: [undefined as never] }), TypeError);
});

t.test('a renewal alone tells how long it is good, and is not believed to be of what it says', async (t) => {
  const first = renew(CERTIFICATE, OLD, '2035-06-01');
  const trust = parseTrust(utf8(JSON.stringify(renewalTrust())));
  const ends = Date.parse('2036-01-01T00:00:00.999Z');
  const held = await heldOfRenewal(renew(first, OLD, '2035-06-02'), trust, nodeSignatures);
  t.match(held, { led: true, way: { length: 3 } });
  t.equal(goodUntilMs(held), ends);
  t.match(await heldOfRenewal(first, undefined, nodeSignatures), { led: false, way: { length: 1 } });
  const other = changed(first, (document) => ({ ...document, sha512: 'ab'.repeat(64) }));
  await t.rejects(heldOfRenewal(other, trust, nodeSignatures), { code: 'token-imprint-differs' });
  await t.rejects(heldOfRenewal(CERTIFICATE, trust, nodeSignatures), { code: 'field-value-wrong' });
});
