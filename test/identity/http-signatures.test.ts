import { createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import {
  contentCheck,
  requireCovered,
  type SignatureFault,
  SignatureRefused,
  type SignedMessage,
  signatureBase,
  signaturesOf,
  verifySignature,
} from '../../server/identity/http-signatures.ts';
import {
  FieldMalformed,
  isInnerList,
  parseDictionary,
  serializeInnerList,
  serializeItem,
} from '../../server/identity/structured-fields.ts';

/* RFC 9421 against the examples of its appendix B, which somebody else made. */

const ED25519 = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----`;
const P256 = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqIVYZVLCrPZHGHjP17CTW0/+D9Lf
w0EkjqF7xB4FivAxzic30tMM4GF+hR6Dxh71Z50VGGdldkkDXZCnTNnoXQ==
-----END PUBLIC KEY-----`;
const spkiOf = (pem: string): Uint8Array => createPublicKey(pem).export({ format: 'der', type: 'spki' });

/** Appendix B.2: the request of all examples. */
const REQUEST: SignedMessage = {
  method: 'POST',
  scheme: 'https',
  authority: 'example.com',
  target: '/foo?param=Value&Pet=dog',
  rawHeaders: [
    ...['Host', 'example.com', 'Date', 'Tue, 20 Apr 2021 02:07:55 GMT', 'Content-Type', 'application/json'],
    ...[
      'Content-Digest',
      'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
    ],
    ...['Content-Length', '18'],
  ],
};
/** The answer of B.2.4. */
const RESPONSE: SignedMessage = {
  ...REQUEST,
  status: 200,
  rawHeaders: [
    ...['Date', 'Tue, 20 Apr 2021 02:07:56 GMT', 'Content-Type', 'application/json'],
    ...[
      'Content-Digest',
      'sha-512=:mEWXIS7MaLRuGgxOBdODa3xqM1XdEvxoYhvlCFJ41QJgJc4GTsPp29l5oGX69wWdXymyU0rjJuahq4l5aGgfLQ==:',
    ],
    ...['Content-Length', '23'],
  ],
};

const signedBy = (message: SignedMessage, input: string, signature: string): SignedMessage => ({
  ...message,
  rawHeaders: [...message.rawHeaders, 'Signature-Input', input, 'Signature', signature],
});

const B24 = signedBy(
  RESPONSE,
  'sig-b24=("@status" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-ecc-p256"',
  'sig-b24=:wNmSUAhwb5LxtOtOpNa6W5xj067m5hFrj0XQ4fvpaCLx0NKocgPquLgyahnzDnDAUy5eCdlYUEkLIj+32oiasw==:',
);
const B26 = signedBy(
  REQUEST,
  'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
  'sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:',
);

t.test(
  'B.2.4 (ecdsa-p256-sha256) and B.2.6 (ed25519) of the RFC hold, each under its own key only',
  async (t) => {
    for (const [message, own, other] of [
      [B24, P256, ED25519],
      [B26, ED25519, P256],
    ] as const) {
      const [signed] = signaturesOf(message);
      t.equal(verifySignature(message, signed!, spkiOf(own)), true);
      t.equal(verifySignature(message, signed!, spkiOf(other)), false);
    }
  },
);

t.test('the texts that the RFC signs in B.2.2, B.2.3, B.2.5 and B.2.6 are what is made here', async (t) => {
  const base = (input: string): string => {
    const member = parseDictionary(`x=${input}`).get('x')!;
    if (!isInnerList(member)) throw new Error('no list');
    return signatureBase(REQUEST, member);
  };
  t.equal(
    base(
      '("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example"',
    ),
    [
      '"@authority": example.com',
      '"content-digest": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
      '"@query-param";name="Pet": dog',
      '"@signature-params": ("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example"',
    ].join('\n'),
  );
  t.equal(
    base(
      '("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss"',
    ),
    [
      '"date": Tue, 20 Apr 2021 02:07:55 GMT',
      '"@method": POST',
      '"@path": /foo',
      '"@query": ?param=Value&Pet=dog',
      '"@authority": example.com',
      '"content-type": application/json',
      '"content-digest": sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
      '"content-length": 18',
      '"@signature-params": ("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss"',
    ].join('\n'),
  );
  t.equal(
    base('("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"'),
    [
      '"date": Tue, 20 Apr 2021 02:07:55 GMT',
      '"@authority": example.com',
      '"content-type": application/json',
      '"@signature-params": ("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"',
    ].join('\n'),
  );
});

t.test('no part of what is signed can be another', async (t) => {
  const [signed] = signaturesOf(B26);
  const changes: readonly Partial<SignedMessage>[] = [
    { method: 'GET' },
    { target: '/fop?param=Value&Pet=dog' },
    { authority: 'example.org' },
    { rawHeaders: B26.rawHeaders.map((text) => (text === '18' ? '19' : text)) },
    { rawHeaders: ['Date', 'x', ...B26.rawHeaders] },
  ];
  for (const change of changes)
    t.equal(verifySignature({ ...B26, ...change }, signed!, spkiOf(ED25519)), false, JSON.stringify(change));
  const free = { ...B26, target: '/foo?other', scheme: 'http' };
  t.equal(verifySignature(free, signed!, spkiOf(ED25519)), true, 'what is not covered can');
  for (let bit = 0; bit < 64 * 8; bit += 37) {
    const signature = Uint8Array.from(signed!.signature);
    signature[bit >> 3]! ^= 1 << (bit & 7);
    t.equal(verifySignature(B26, { ...signed!, signature }, spkiOf(ED25519)), false);
  }
});

const derived = (message: Partial<SignedMessage>, component: string): string => {
  const member = parseDictionary(`x=(${component})`).get('x')!;
  if (!isInnerList(member)) throw new Error('no list');
  return signatureBase({ ...REQUEST, ...message }, member)
    .split('\n')[0]!
    .slice(component.length + 2);
};

t.test('components are as section 2 of the RFC has them', async (t) => {
  t.equal(derived({ authority: 'WWW.Example.COM:443' }, '"@authority"'), 'www.example.com');
  t.equal(derived({ authority: 'example.com:80' }, '"@authority"'), 'example.com:80');
  t.equal(derived({ scheme: 'http', authority: 'example.com:80' }, '"@authority"'), 'example.com');
  t.equal(derived({}, '"@target-uri"'), 'https://example.com/foo?param=Value&Pet=dog');
  t.equal(derived({}, '"@request-target"'), '/foo?param=Value&Pet=dog');
  t.equal(derived({ target: '/path' }, '"@query"'), '?');
  t.equal(derived({ target: '/path?' }, '"@query"'), '?');
  t.equal(derived({ target: '/path?queryString' }, '"@query"'), '?queryString');
  t.equal(
    derived({ target: '/p?var=this%20is%20a%20big%0Amultiline%20value' }, '"@query-param";name="var"'),
    'this%20is%20a%20big%0Amultiline%20value',
  );
  t.equal(
    derived({ target: '/p?bar=with+plus+whitespace' }, '"@query-param";name="bar"'),
    'with%20plus%20whitespace',
  );
  t.equal(
    derived({ target: '/p?fa%C3%A7ade%22%3A%20=something' }, '"@query-param";name="fa%C3%A7ade%22%3A%20"'),
    'something',
  );
  const many = [
    'Cache-Control',
    'max-age=60',
    'X-OWS',
    '   Leading and trailing   ',
    'Cache-Control',
    '   must-revalidate',
  ];
  t.equal(derived({ rawHeaders: many }, '"cache-control"'), 'max-age=60, must-revalidate');
  t.equal(derived({ rawHeaders: many }, '"x-ows"'), 'Leading and trailing');
  t.equal(derived({ rawHeaders: ['X-Empty', ''] }, '"x-empty"'), '');
});

const fault = (work: () => unknown): SignatureFault | undefined => {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof SignatureRefused) return error.fault;
    throw error;
  }
};

t.test('what cannot be covered is refused, and never passes for something else', async (t) => {
  for (const component of [
    '"x-nowhere"',
    '"@nonsense"',
    '"Date"',
    '"date";sf',
    '"date";bs',
    '"date";key="a"',
    '"@method";req',
    '"@query-param"',
    '"@query-param";name="none"',
    '"@status"',
    '"@constructor"',
    '"constructor"',
  ])
    t.equal(
      fault(() => derived({}, component)),
      'signature-component-unknown',
      component,
    );
  t.equal(
    fault(() => derived({ target: '/p?a=1&a=2' }, '"@query-param";name="a"')),
    'signature-component-unknown',
  );
  t.equal(
    fault(() => derived({}, '"date" "date"')),
    'signature-malformed',
  );
  t.equal(
    fault(() => derived({}, 'date')),
    'signature-malformed',
  );
});

t.test('a host is a host and a port, so that nobody can say where it ends', async (t) => {
  for (const authority of ['H/x/y?after=', 'a b', 'a@b', 'a#', '', 'a:b', 'a:123456', '[::1', 'a,b'])
    for (const component of ['"@authority"', '"@target-uri"'])
      t.equal(
        fault(() => derived({ authority }, component)),
        'signature-malformed',
        authority,
      );
  t.equal(derived({ authority: '[2001:DB8::1]:8080' }, '"@authority"'), '[2001:db8::1]:8080');
});

t.test('what is made to take long takes no time', async (t) => {
  const began = performance.now();
  const spaces = ' '.repeat(15_000);
  const field = (name: string, value: string): SignedMessage => ({ ...REQUEST, rawHeaders: [name, value] });
  fault(() => signaturesOf(field('signature-input', `x${spaces}x`)));
  fault(() => signaturesOf(field('signature-input', `${spaces}x${spaces}`)));
  fault(() => contentCheck(field('content-digest', `x${spaces}x`)));
  const many = Array.from({ length: 170 }, (_, i) => `"@query-param";name="p${i}"`).join(' ');
  t.equal(
    fault(() => derived({ target: `/x?${'p=1&'.repeat(3_000)}` }, many)),
    'signature-malformed',
  );
  const some = Array.from({ length: 31 }, () => '"@query-param";name="none"')
    .slice(0, 1)
    .join(' ');
  fault(() => derived({ target: `/x?${'p=1&'.repeat(3_000)}` }, some));
  t.ok(performance.now() - began < 250);
});

t.test('fields that do not belong together are malformed', async (t) => {
  for (const [input, signature] of [
    ['', 'a=:AA==:'],
    ['a=("@method");keyid="k"', 'b=:AA==:'],
    ['a=("@method");keyid="k"', 'a="AA=="'],
    ['a="x";keyid="k"', 'a=:AA==:'],
    ['a=("@method");keyid=k', 'a=:AA==:'],
    ['a=("@method");keyid="k";created="1"', 'a=:AA==:'],
    ['a=("@method" ;keyid="k"', 'a=:AA==:'],
    ['a=();keyid="k",a=();keyid="k"', 'a=:AA==:'],
    [['a', 'b', 'c', 'd', 'e'].map((name) => `${name}=();keyid="k"`).join(), 'a=:AA==:'],
  ] as const)
    t.equal(
      fault(() => signaturesOf(signedBy(REQUEST, input, signature))),
      'signature-malformed',
      input,
    );
  t.same(signaturesOf(signedBy(REQUEST, 'a=("@method")', 'a=:AA==:')), [], 'of no key');
});

const NOW_MS = 1_618_884_473_000;

t.test('a signature has to cover where the request goes, what it brings, and when', async (t) => {
  const covering = (input: string, message: SignedMessage = REQUEST): SignatureFault | undefined =>
    fault(() => {
      const [signed] = signaturesOf(signedBy(message, `a=${input}`, 'a=:AA==:'));
      requireCovered(message, signed!, NOW_MS);
    });
  const bare = { ...REQUEST, rawHeaders: [] };
  const when = ';created=1618884473;keyid="k"';
  const body = '"content-type" "content-digest"';
  t.equal(covering(`("@method" "@target-uri" ${body})${when}`), undefined);
  t.equal(covering(`("@method" "@authority" "@request-target" ${body})${when}`), undefined);
  t.equal(covering(`("@method" "@authority" "@path" "@query" ${body})${when}`), undefined);
  t.equal(covering(`("@method" "@authority" "@path")${when}`, { ...bare, target: '/foo' }), undefined);
  for (const input of [
    `("@target-uri" ${body})${when}`,
    `("@method" ${body})${when}`,
    `("@method" "@authority" "@path" ${body})${when}`,
    `("@method" "@path" "@query" ${body})${when}`,
    `("@method" "@target-uri" "content-type")${when}`,
    `("@method" "@target-uri" "content-digest")${when}`,
    `("@method" "@target-uri" ${body});keyid="k"`,
  ])
    t.equal(covering(input), 'signature-component-missing', input);
  const keyed = { ...REQUEST, rawHeaders: [...REQUEST.rawHeaders, 'Idempotency-Key', 'x'] };
  t.equal(covering(`("@method" "@target-uri" ${body})${when}`, keyed), 'signature-component-missing');
  for (const times of ['created=1618884172', 'created=1618884479', 'created=1618884473;expires=1618884472'])
    t.equal(covering(`("@method" "@target-uri" ${body});${times};keyid="k"`), 'signature-out-of-date', times);
  t.equal(
    covering(`("@method" "@target-uri" ${body});created=1618884173;expires=1618884473;keyid="k"`),
    undefined,
  );
});

t.test('a content is the one of all its digests that are known', async (t) => {
  const body = Buffer.from('{"hello": "world"}');
  const check = (field: string, bytes = body): boolean => {
    const one = contentCheck({ ...REQUEST, rawHeaders: ['Content-Digest', field] });
    one.update(bytes.subarray(0, 5));
    one.update(bytes.subarray(5));
    return one.matches();
  };
  const sha512 =
    'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:';
  const sha256 = 'sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:';
  t.equal(check(sha512), true, 'RFC 9530 appendix');
  t.equal(check(`${sha256}, ${sha512}, md5=:AA==:`), true);
  t.equal(check(sha512, Buffer.from('{"hello": "worlD"}')), false);
  t.equal(check(`${sha256.replace('X', 'Y')}, ${sha512}`), false);
  t.equal(
    fault(() => check('md5=:AA==:')),
    'content-digest-unknown',
  );
  t.equal(
    fault(() => check('constructor=:AA==:')),
    'content-digest-unknown',
  );
  t.equal(
    fault(() => check('sha-256="x"')),
    'signature-malformed',
  );
  t.equal(
    fault(() => check('sha-256')),
    'signature-malformed',
  );
  t.equal(
    fault(() => contentCheck({ ...REQUEST, rawHeaders: [] })),
    'content-digest-missing',
  );
});

const key = fc.stringMatching(/^[a-z*][a-z0-9_.*-]{0,6}$/);
const bare = fc.oneof(
  fc
    .integer({ min: -999_999_999_999_999, max: 999_999_999_999_999 })
    .map((value) => ({ kind: 'integer', value }) as const),
  fc.stringMatching(/^[ -~]{0,12}$/).map((value) => ({ kind: 'string', value }) as const),
  fc
    .stringMatching(/^[A-Za-z*][!#$%&'*+.^_`|~:/0-9A-Za-z-]{0,8}$/)
    .map((value) => ({ kind: 'token', value }) as const),
  fc.uint8Array({ maxLength: 40 }).map((value) => ({ kind: 'bytes', value: Buffer.from(value) }) as const),
  fc.boolean().map((value) => ({ kind: 'boolean', value }) as const),
);
const parameters = fc
  .uniqueArray(fc.tuple(key, bare), { selector: ([name]) => name, maxLength: 4 })
  .map((all) => new Map(all));
const item = fc.record({ bare, parameters }, { noNullPrototype: true });
const innerList = fc.record(
  { items: fc.array(item, { maxLength: 4 }), parameters },
  { noNullPrototype: true },
);

t.test('whatever a dictionary holds is read as it was written', async (t) => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(key, fc.oneof(item, innerList)), {
        selector: ([name]) => name,
        minLength: 1,
        maxLength: 5,
      }),
      (members) => {
        const text = members
          .map(
            ([name, member]) =>
              `${name}=${isInnerList(member) ? serializeInnerList(member) : serializeItem(member)}`,
          )
          .join(',  ');
        const read = parseDictionary(`  ${text} `);
        t.strictSame(
          [...read.keys()],
          members.map(([name]) => name),
        );
        for (const [name, member] of members) t.strictSame(read.get(name), member);
      },
    ),
    { numRuns: 300 },
  );
});

t.test('no text ends otherwise than read or malformed', async (t) => {
  const pieces = fc.constantFrom(
    'a',
    '=',
    '(',
    ')',
    '"',
    '\\',
    ':',
    ';',
    ',',
    ' ',
    '\t',
    '?1',
    '?',
    '1',
    '.',
    '-',
    'é',
    'sig1',
    'AA==',
    '\0',
  );
  fc.assert(
    fc.property(
      fc.array(pieces, { maxLength: 14 }).map((all) => all.join('')),
      (text) => {
        try {
          parseDictionary(text);
        } catch (error) {
          t.ok(error instanceof FieldMalformed, text);
        }
      },
    ),
    { numRuns: 3_000 },
  );
  for (const text of [
    'a=1,',
    ',a=1',
    'a=1 b=2',
    'a=(1 2',
    'a=(1(2))',
    'a=("1""2")',
    'a="é"',
    'a=:A:B:',
    'A=1',
    'a=1.2345',
    'a=1234567890123456',
    'a=?2',
    'a;b=',
    'a=1;b=2;b=3',
  ])
    t.throws(() => parseDictionary(text), FieldMalformed, text);
});
