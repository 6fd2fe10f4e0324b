import t from 'tap';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { toHex } from '../../../server/core/read/bytes.ts';
import { parseCertificate } from '../../../server/core/read/x509.ts';
import { signToken, tokenForm } from '../../../server/core/token/build.ts';
import { PUBLIC_POLICY } from '../../../server/core/token/policies.ts';
import { type Standing, standingOf } from '../../../server/core/verify/authority.ts';
import { checkToken } from '../../../server/core/verify/token.ts';
import type { Trust } from '../../../server/core/verify/trust.ts';
import { CA, type Issued, issue } from '../read/openssl.ts';
import {
  authority,
  content,
  DIGEST,
  middle,
  NOW,
  root,
  signWith,
  stamper,
  TIMESTAMPING,
} from '../token/authority.ts';

/** Issuers and authorities by name, each with its certificates; all under the policy of our tokens. */
interface Listed {
  readonly issuers?: Readonly<Record<string, readonly Issued[]>>;
  readonly authorities?: Readonly<Record<string, readonly Issued[]>>;
  readonly policy?: string;
}

const x509 = (list: readonly Issued[]) => list.map(({ der }) => parseCertificate(der));

const trust = ({ issuers = {}, authorities = {}, policy = PUBLIC_POLICY }: Listed): Trust => ({
  name: 'test',
  logs: [],
  issuers: Object.entries(issuers).map(([name, list]) => ({ name, certificates: x509(list) })),
  authorities: Object.entries(authorities).map(([label, list]) => ({
    label,
    roots: x509(list),
    policies: [policy],
  })),
});

async function standing(
  by: Issued,
  others: readonly Issued[],
  listed: Listed,
  genTimeMs = NOW,
): Promise<Standing> {
  const form = tokenForm({ certificate: by.der, policy: PUBLIC_POLICY, accuracyMs: 1 });
  const token = signToken(form, content({ genTimeMs }), signWith(by));
  const certificates = [by, ...others].map(({ der }) => der);
  const checked = await checkToken({ token, certificates }, { digest: DIGEST }, nodeSignatures);
  return standingOf(checked, trust(listed), nodeSignatures);
}

/** Whose it is, in one word and a name, and how long the way is. */
async function whose(...given: Parameters<typeof standing>): Promise<string> {
  const found = await standing(...given);
  if (found.by === 'operator') return `operator ${found.issuer.name} ${found.path.length}`;
  if (found.by === 'independent') return `independent ${found.authority.label} ${found.path.length}`;
  return found.by === 'broken' ? found.reason.code : found.by;
}

const deep = authority('P-256', middle);

t.test('a token is of the authority whose root it leads to', async (t) => {
  t.equal(await whose(stamper, [], { authorities: { a: [root] } }), 'independent a 2');
  t.equal(await whose(deep, [middle], { authorities: { a: [root] } }), 'independent a 3');
  t.equal(await whose(deep, [], { authorities: { a: [middle] } }), 'independent a 2');
  t.equal(
    await whose(deep, [], { authorities: { a: [deep] } }),
    'independent a 1',
    'the signer itself is listed',
  );
});

t.test('the certificates on the way stand in any order, with others between them', async (t) => {
  const noise = issue({ subject: '/CN=noise', extensions: CA });
  t.equal(
    await whose(deep, [root, noise, middle, stamper], { authorities: { a: [root] } }),
    'independent a 3',
  );
});

t.test('a token that leads to an issuer is the operator’s own, whatever its root is listed as', async (t) => {
  const listed = { issuers: { op: [root] }, authorities: { a: [root] } };
  t.equal(await whose(stamper, [], listed), 'operator op 2');
  t.equal(
    await whose(deep, [middle], { issuers: { op: [middle] }, authorities: { a: [root] } }),
    'operator op 2',
  );
  t.equal(await whose(stamper, [], { issuers: { none: [], other: [middle], op: [root] } }), 'operator op 2');
});

t.test('a token that leads nowhere is nobody’s', async (t) => {
  t.equal(await whose(stamper, [root], {}), 'unknown');
  t.equal(await whose(deep, [], { authorities: { a: [root] } }), 'unknown', 'a link is missing');
  t.equal(await whose(stamper, [], { authorities: { a: [middle] } }), 'unknown');
});

t.test('an authority counts only under the policies that are listed for it', async (t) => {
  t.equal(await whose(stamper, [], { authorities: { a: [root] }, policy: '1.2.3' }), 'unlisted-policy');
  const found = await standing(stamper, [], {
    authorities: { b: [middle], a: [root], c: [root] },
    policy: '1.2.3',
  });
  t.equal(found.by === 'unlisted-policy' && found.authority.label, 'a');
});

t.test('another key of the same name leads nowhere, and stops nobody', async (t) => {
  const namesake = issue({ subject: '/CN=stamp root', extensions: CA });
  t.equal(await whose(stamper, [], { authorities: { a: [namesake] } }), 'unknown');
  t.equal(await whose(stamper, [namesake], { authorities: { a: [namesake, root] } }), 'independent a 2');
  const crossed = issue({ subject: '/CN=stamp CA', by: namesake, extensions: CA });
  t.equal(await whose(deep, [crossed, middle], { authorities: { a: [root] } }), 'independent a 3');
});

const expired = issue({ subject: '/CN=short', by: root, days: 1, extensions: TIMESTAMPING });
const LATER = NOW + 3 * 86_400_000;

t.test('a way to a listed key that breaks a rule is told, unless another way is good', async (t) => {
  t.equal(await whose(expired, [], { authorities: { a: [root] } }, LATER), 'chain-expired');
  t.equal(await whose(expired, [], { issuers: { op: [root] } }, LATER), 'chain-expired');
  t.equal(await whose(expired, [], { authorities: { a: [root], b: [root] } }, LATER), 'chain-expired');
  t.equal(await whose(expired, [], { authorities: { a: [root] } }), 'independent a 2', 'it was valid then');
  t.equal(await whose(stamper, [], { authorities: { a: [root] } }, NOW - 86_400_000), 'chain-not-yet-valid');
  const encipher = issue({
    subject: '/CN=usage',
    by: root,
    extensions: [TIMESTAMPING[0]!, 'keyUsage=critical,keyAgreement', TIMESTAMPING[2]!],
  });
  t.equal(await whose(encipher, [], { authorities: { a: [root] } }), 'chain-leaf-usage-wrong');
  const byLeaf = authority('P-256', stamper);
  t.equal(await whose(byLeaf, [stamper], { authorities: { a: [root] } }), 'chain-issuer-not-ca');
  const twin = issue({ subject: '/CN=stamp root', keyOf: root, days: 1, extensions: CA });
  t.equal(await whose(stamper, [], { authorities: { a: [twin] } }, LATER), 'chain-expired');
  t.equal(await whose(stamper, [], { authorities: { a: [twin, root] } }, LATER), 'independent a 2');
});

t.test('the order of certificates that nobody signed decides nothing', async (t) => {
  const secondRoot = issue({ subject: '/CN=second root', extensions: CA });
  const crossed = issue({ subject: '/CN=stamp CA', keyOf: middle, by: secondRoot, extensions: CA });
  const noise = issue({ subject: '/CN=noise', extensions: CA });
  const listed = { authorities: { none: [noise], a: [root], b: [secondRoot] } };
  const turned = { authorities: { b: [secondRoot], a: [root] } };
  for (const others of [
    [middle, crossed, noise],
    [crossed, noise, middle],
    [noise, middle, crossed],
  ]) {
    t.equal(await whose(deep, others, listed), 'independent a 3');
    t.equal(await whose(deep, others, turned), 'independent b 3');
    const issuer = { issuers: { op: [secondRoot] }, authorities: { a: [root] } };
    t.equal(await whose(deep, others, issuer), 'operator op 3');
    const found = await standing(deep, others, listed);
    t.equal(found.by === 'independent' && found.beside.paths.length, 2);
    // The CA by each of the two roots; the signer by each of the two that have the CA's name and key.
    t.equal(found.by === 'independent' && found.beside.twins.length, 4);
  }
});

t.test(
  'whatever ends at an issuer, or has its key, is never independent, even where its way is broken',
  async (t) => {
    const twin = issue({ subject: '/CN=stamp root', keyOf: root, days: 1, extensions: CA });
    const listed = { issuers: { op: [twin] }, authorities: { a: [root] } };
    t.equal(await whose(stamper, [], listed, LATER), 'chain-expired');
    t.equal(
      await whose(stamper, [], { ...listed, issuers: { op: [twin], good: [root] } }, LATER),
      'operator good 2',
    );
    const own = issue({ subject: '/CN=own', extensions: TIMESTAMPING });
    const elsewhere = issue({
      subject: '/CN=elsewhere',
      keyOf: own,
      by: root,
      days: 30,
      extensions: TIMESTAMPING,
    });
    t.equal(await whose(elsewhere, [], { authorities: { a: [root] } }), 'independent a 2');
    const key = { issuers: { none: [middle], op: [middle, own] }, authorities: { a: [root] } };
    t.equal(await whose(elsewhere, [], key), 'token-key-of-issuer');
    const found = await standing(elsewhere, [], key);
    t.match(found, { by: 'broken', reason: { detail: { label: 'op', subject: 'CN=elsewhere' } } });
    t.equal(await whose(own, [], key), 'operator op 1', 'its own certificate');
  },
);

t.test('a key for signatures that cannot be denied is as good as one for digital signatures', async (t) => {
  const other = issue({
    subject: '/CN=usage',
    by: root,
    extensions: [TIMESTAMPING[0]!, 'keyUsage=critical,nonRepudiation', TIMESTAMPING[2]!],
  });
  t.equal(await whose(other, [], { authorities: { a: [root] } }), 'independent a 2');
});

t.test('a way has at most four certificates before the root', async (t) => {
  const way = [root];
  for (let i = 0; i < 4; i++) way.push(issue({ subject: `/CN=step ${i}`, by: way[i]!, extensions: CA }));
  const [, first, second, third, fourth] = way as [Issued, Issued, Issued, Issued, Issued];
  const near = authority('P-256', third);
  t.equal(await whose(near, [first, second, third], { authorities: { a: [root] } }), 'independent a 5');
  const far = authority('P-256', fourth);
  t.equal(await whose(far, [first, second, third, fourth], { authorities: { a: [root] } }), 'unknown');
});

t.test('a certificate under an algorithm that we do not check leads nowhere', async (t) => {
  const edwards = issue({ subject: '/CN=ed', key: 'ed25519', extensions: CA, digest: 'sha256' });
  const signer = issue({ subject: '/CN=by ed', by: edwards, extensions: TIMESTAMPING });
  t.equal(await whose(signer, [], { authorities: { a: [edwards] } }), 'unknown');
});

t.test('each link of a way is verified once, however often it is looked at', async (t) => {
  const asked: string[] = [];
  const counting: typeof nodeSignatures = {
    verify(request) {
      asked.push(toHex(request.signature));
      return nodeSignatures.verify(request);
    },
  };
  const form = tokenForm({ certificate: deep.der, policy: PUBLIC_POLICY, accuracyMs: 1 });
  const token = signToken(form, content(), signWith(deep));
  const certificates = [deep, middle].map(({ der }) => der);
  const checked = await checkToken({ token, certificates }, { digest: DIGEST }, nodeSignatures);
  const found = await standingOf(checked, trust({ issuers: { op: [root] } }), counting);
  t.equal(found.by, 'operator');
  t.equal(asked.length, 2);
  t.equal(new Set(asked).size, 2);
});
