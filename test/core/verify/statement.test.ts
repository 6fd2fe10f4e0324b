import fc from 'fast-check';
import t from 'tap';
import { fileMember, makeSample, manifestOf, trustList } from '../../../scripts/vectors/sample.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { type Manifest, manifest } from '../../../server/core/entry/manifest.ts';
import { statementBytes } from '../../../server/core/entry/statement.ts';
import type { JsonObject } from '../../../server/core/read/json.ts';
import { parseTrust } from '../../../server/core/verify/trust.ts';
import { verifyCertificate } from '../../../server/core/verify/verify.ts';
import { newDepositor } from '../../support/depositor.ts';

/* The depositor's own signature, made with node:crypto as any depositor would. The vectors hold what is damaged. */

const SIGNED_AT = '2026-11-22T06:59:59.000Z';

function depositor() {
  const { fingerprint, sign } = newDepositor();
  return { fingerprint, statement: (stated: JsonObject): JsonObject => sign(stated, SIGNED_AT) };
}

const PHOTO = manifestOf([fileMember('photo.jpg')]);

async function check(entry: JsonObject, depositorKeys?: readonly string[]) {
  const { bytes } = await makeSample({ entry });
  const { checks, facts, verdict } = await verifyCertificate({
    certificate: bytes,
    files: [],
    trust: parseTrust(Buffer.from(JSON.stringify(trustList()))),
    blocks: [],
    signatures: nodeSignatures,
    ...(depositorKeys && { depositorKeys }),
  });
  const { status, reason } = checks.find(({ id }) => id === 'statement')!;
  return { status, code: reason.code, fact: facts?.who.statement, verdict };
}

t.test('a statement passes and tells its key; whose that is, it says of none', async (t) => {
  const { statement } = depositor();
  const found = await check({ ...PHOTO, statement: statement(PHOTO) });
  t.match(found, { status: 'passed', code: 'statement-signed', verdict: 'incomplete' });
  t.match(found.fact, { key: /^[0-9a-f]{64}$/, signedAt: SIGNED_AT, known: false });
});

t.test('the reader’s own keys decide whose it is', async (t) => {
  const [mine, other] = [depositor(), depositor()];
  const entry = { ...PHOTO, statement: mine.statement(PHOTO) };
  const known = await check(entry, [other.fingerprint, mine.fingerprint]);
  t.match(known, { status: 'passed', code: 'statement-signed-known', fact: { known: true } });
  const strange = await check(entry, [other.fingerprint]);
  t.match(strange, { status: 'failed', code: 'statement-key-other', verdict: 'invalid', fact: undefined });
  t.match(await check(PHOTO), { status: 'skipped', code: 'no-statement' });
  t.match(await check(PHOTO, [other.fingerprint]), {
    status: 'failed',
    code: 'statement-missing',
    verdict: 'invalid',
  });
});

t.test(
  'no word of what a depositor said can be changed under the signature, and all that is the service’s can',
  async (t) => {
    const { statement } = depositor();
    const signed = statement(PHOTO);
    const places: (readonly string[])[] = [];
    const walk = (value: unknown, at: readonly string[]): void => {
      if (typeof value === 'object' && value !== null)
        for (const [name, member] of Object.entries(value)) walk(member, [...at, name]);
      else places.push(at);
    };
    walk(PHOTO, []);
    const FREE = ['clock', 'id', 'receivedAt', 'salt', 'statement'];
    for (const place of places) {
      const copy = structuredClone(PHOTO) as Record<string, unknown>;
      const last = place.at(-1)!;
      const parent = place.slice(0, -1).reduce<Record<string, unknown>>((o, name) => o[name] as never, copy);
      const before = parent[last];
      const others = [
        '2026-11-22T06:00:00.000Z',
        'declared',
        'internal',
        'photo',
        'device-capture',
        'derived',
        'doubtful',
        'x',
        '019ab1c2-0000-7000-8000-000000000009',
        'ab'.repeat(32),
        'ab'.repeat(16),
        7,
        null,
      ];
      const fits = others.find((other) => {
        if (other === before) return false;
        parent[last] = other;
        try {
          manifest(copy as never, 'entry');
          return true;
        } catch {
          return false;
        }
      });
      if (fits === undefined) continue;
      parent[last] = fits;
      const { status } = await check({ ...copy, statement: signed } as JsonObject);
      const isFree = FREE.includes(place[0]!) || last === 'digests';
      t.equal(status, isFree ? 'passed' : 'failed', place.join('.'));
    }
    t.ok(places.length > 30);
  },
);

t.test('what is signed has one form, whatever the order of its members', async (t) => {
  const text = fc.string({ unit: 'grapheme' });
  await fc.assert(
    fc.asyncProperty(text, text, async (title, name) => {
      const stated = {
        ...PHOTO,
        evidence: { ...(PHOTO['evidence'] as object), title },
        service: name,
      } as unknown as Manifest;
      const turned = Object.fromEntries(Object.entries(stated).reverse()) as unknown as Manifest;
      const publicKey = new Uint8Array(91);
      const bytes = statementBytes(stated, { publicKey, signedAt: SIGNED_AT });
      t.same(bytes, statementBytes(turned, { publicKey, signedAt: SIGNED_AT }));
      const read = JSON.parse(Buffer.from(bytes).toString());
      t.same(Object.keys(read), [
        'depositor',
        'evidence',
        'files',
        'folder',
        'format',
        'publicKey',
        'service',
        'signedAt',
      ]);
      t.equal(read.evidence.title, title);
      t.notOk('digests' in read.files[0]);
    }),
    { numRuns: 50 },
  );
});
