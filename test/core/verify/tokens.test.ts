import t from 'tap';
import type { VectorCase } from '../../../scripts/vectors/cases.ts';
import { ownKey } from '../../../scripts/vectors/stampers.ts';
import { tokenCases } from '../../../scripts/vectors/token-cases.ts';
import { at } from '../../../scripts/vectors/token-sample.ts';
import { givenFile } from '../../../scripts/vectors.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { reportText } from '../../../server/cli/report-text.ts';
import { equalBytes, utf8 } from '../../../server/core/read/bytes.ts';
import { PROMISE_POLICY } from '../../../server/core/token/policies.ts';
import type { Report } from '../../../server/core/verify/report.ts';
import { parseTrust } from '../../../server/core/verify/trust.ts';
import { verifyCertificate } from '../../../server/core/verify/verify.ts';
import { presentReport } from '../../../server/messages/report.ts';

const cases = new Map((await Promise.all(tokenCases())).map((one) => [one.name, one]));

const check = (one: VectorCase, signatures = nodeSignatures): Promise<Report> =>
  verifyCertificate({
    certificate: one.certificate,
    files: one.files.map(givenFile),
    trust: one.trust && parseTrust(utf8(JSON.stringify(one.trust))),
    blocks: one.blocks,
    signatures,
  });

const reportOf = (name: string): Promise<Report> => check(cases.get(name)!);

t.test('the clocks stand side by side, and only those of others are proven', async (t) => {
  const { facts, verdict } = await reportOf('own and outside tokens together');
  t.equal(verdict, 'valid');
  t.strictSame(
    facts!.when.map(({ clock, at, proven }) => [clock, at, proven]),
    [
      ['server', '2026-11-22T07:00:00.000Z', false],
      ['issuer', '2026-11-22T07:00:09.412Z', false],
      ['own-token', '2026-11-22T07:00:00.020Z', false],
      ['own-token', '2026-11-22T07:00:00.120Z', false],
      ['authority', '2026-11-22T07:00:00.500Z', true],
      ['block', '2026-11-22T07:00:00.000Z', true],
    ],
  );
  t.match(facts!.tokens[0], {
    at: 'tokens[0]',
    type: 'rfc3161-manifest/1',
    by: 'operator',
    label: 'kezheng test',
    signer: 'CN=kezheng test stamper',
    policy: PROMISE_POLICY,
    serial: '1234',
    genTime: '2026-11-22T07:00:00.020Z',
    accuracyMs: 1000,
    notAfter: '2026-11-22T07:00:01.020Z',
  });
  t.equal(facts!.counts!.token, facts!.tokens[2], 'a token counts before a block of a test chain');
});

t.test('the latest time of a token is rounded up, its time is cut off', async (t) => {
  const timesOf = async (name: string) => {
    const { genTime, notAfter } = (await reportOf(name)).facts!.tokens[0]!;
    return [genTime, notAfter];
  };
  t.strictSame(await timesOf('a time finer than a millisecond'), [at('06:59:58.123'), at('06:59:59.124')]);
  t.strictSame(await timesOf('a time of the millisecond'), [at('06:59:58.123'), at('06:59:59.123')]);
});

t.test('one label is one witness', async (t) => {
  const { facts } = await reportOf('two tokens of one authority');
  t.equal(facts!.tokens.filter(({ by }) => by === 'independent').length, 2);
  t.strictSame(facts!.authorities, ['outside authority']);
});

t.test('one key is one witness, whatever its certificates lead to, in any order', async (t) => {
  const { facts } = await reportOf('two tokens of one key by way of two authorities: one witness');
  t.strictSame(
    facts!.tokens.map(({ label }) => label),
    ['outside authority', 'second authority'],
  );
  t.equal(facts!.tokens[0]!.signerKey, facts!.tokens[1]!.signerKey);
  t.strictSame(facts!.authorities, ['outside authority']);
  t.strictSame((await reportOf('two authorities')).facts!.authorities, [
    'second authority',
    'outside authority',
  ]);
  for (const name of [
    'a way to each of two authorities: the first of the list',
    'the same two ways in another order',
  ])
    t.strictSame((await reportOf(name)).facts!.authorities, ['outside authority'], name);
});

t.test('a token makes no certificate valid, but proves its time without a block', async (t) => {
  const { verdict, facts } = await reportOf('an outside token where there is no anchor');
  t.equal(verdict, 'incomplete');
  t.match(facts!.counts, { clock: 'authority', proven: true });
});

t.test('where the certificate is invalid no token proves a time', async (t) => {
  const { verdict, facts } = await reportOf('a signer with a short RSA key');
  t.equal(verdict, 'invalid');
  t.match(facts, { counts: undefined, authorities: [] });
  t.ok(facts!.when.every(({ proven }) => !proven));
  t.match(facts!.tokens[0], { by: 'unknown', label: undefined });
});

t.test('the reason says whether revocation was looked at', async (t) => {
  const why = async (name: string) =>
    (await reportOf(name)).checks.find(({ id }) => id === 'authority')!.reason;
  t.match(await why('lists of both issuers, with others revoked'), {
    code: 'authority-independent-unrevoked',
    detail: { looked: 2, total: 2 },
  });
  t.match(await why('an answer that the certificate is good'), { detail: { looked: 1, total: 2 } });
  t.match(await why('a token of P-256'), { code: 'authority-independent' });
  t.match(await why('an own token over the manifest'), { code: 'authority-own' });
  t.match(await why('a token under a policy that is not listed'), {
    code: 'authority-policy-unlisted',
    detail: { label: 'outside authority', policy: '1.2.3.4.6' },
  });
});

t.test(
  'what says nothing of the token’s time, or not of all certificates, is no news, and told so',
  async (t) => {
    const why = async (name: string) =>
      (await reportOf(name)).checks.find(({ id }) => id === 'authority')!.reason.code;
    for (const name of [
      'a list that is about some certificates only',
      'a list that ended before the token',
      'a list that does not say how long it holds',
      'an answer that ended before the token',
      'an answer that does not say how long it holds',
    ])
      t.equal(await why(name), 'authority-independent-outdated', name);
    for (const name of ['a list that ends after the token', 'an answer that ended, and a list that did not'])
      t.equal(await why(name), 'authority-independent-unrevoked', name);
  },
);

t.test('a token that is older than the entry it covers proves nothing, whoever made it', async (t) => {
  for (const name of [
    'a token that is older than its entry',
    'an own token that is older than its entry',
    'a bulk token that is older than its entry',
    'a stranger’s token that is older than its entry',
    'a file of a folder, whose manifest has a token that is older',
  ]) {
    const { verdict, facts, checks } = await reportOf(name);
    t.equal(verdict, 'invalid', name);
    t.match(facts!.tokens, [{ by: 'unknown', label: undefined }], name);
    t.match(
      checks.find(({ id }) => id === 'authority'),
      {
        status: 'failed',
        reason: { code: 'token-before-entry', detail: { receivedAt: '2026-11-22T07:00:00.000Z' } },
      },
      name,
    );
  }
  const { checks } = await reportOf('an own token that is older than its entry');
  t.match(checks.find(({ id }) => id === 'authority')!.reason.detail, { time: '2026-11-22T06:58:59.999Z' });
});

t.test('revocation of an operator’s own token is looked at where it is given', async (t) => {
  const one = cases.get('an answer that the certificate is good')!;
  const [authority] = one.trust!['authorities'] as { roots: string[] }[];
  const trust = {
    ...one.trust!,
    authorities: [],
    issuers: [
      ...(one.trust!['issuers'] as { name: string; certificates: string[] }[]),
      { name: 'own', certificates: authority!.roots },
    ],
  };
  const report = await check({ ...one, trust });
  t.match(report.checks.find(({ id }) => id === 'authority')!.reason, {
    code: 'authority-own-unrevoked',
    detail: { label: 'own', looked: 1 },
  });
});

t.test('a token of an authority that the list does not know asks for no newer checker', async (t) => {
  const unknown = await reportOf('a token of an authority that nobody lists');
  t.strictSame(unknown.remaining, []);
  const type = await reportOf('an own token beside one of an unknown type');
  t.match(type.remaining, [{ what: 'newer-checker', detail: { type: 'rfc3161-manifest/2' } }]);
});

t.test('whatever comes out is told in both languages, with nothing left to be put in', async (t) => {
  for (const one of cases.values()) {
    const presented = presentReport(await check(one));
    t.notMatch(JSON.stringify(presented.checks), /\{\w+\}/, one.name);
    t.notMatch(reportText(presented, []), /undefined|\{\w+\}/, one.name);
  }
  const shown = reportText(presentReport(await reportOf('own and outside tokens together')), []);
  t.match(shown, /time-stamp authority, not later than \[outside authority; .*00\.500Z {2}← 以此为准/);
  t.match(shown, 'independent authorities: 1 (outside authority)');
  const stranger = reportText(presentReport(await reportOf('a token of an authority that nobody lists')), []);
  t.match(stranger, 'CN=stranger stamper，不在信任清单中');
});

t.test('errors that are not about the bytes pass through', async (t) => {
  const one = cases.get('an own token over the manifest')!;
  const broken: typeof nodeSignatures = {
    verify: (request) =>
      equalBytes(request.spki, ownKey.spki)
        ? Promise.reject(new Error('no primitives'))
        : nodeSignatures.verify(request),
  };
  await t.rejects(check(one, broken), { message: 'no primitives' });
  await t.rejects(check(one, { verify: () => Promise.reject(new Error('none at all')) }), {
    message: 'none at all',
  });
});
