import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { MAX_PKCS12_BYTES, signWithPkcs12 } from '../../server/adapters/pkcs12.ts';
import { equalBytes } from '../../server/core/read/bytes.ts';
import { contextTag, parseDer, TAG } from '../../server/core/read/der.ts';
import { encode, encodeInteger } from '../../server/core/read/encode-der.ts';
import { PKCS12_CODES, Pkcs12Problem } from '../../server/ports/office-key.ts';
import { CA, type Issued, issue, openssl } from '../core/read/openssl.ts';
import { elementAt, replaced } from '../core/read/rebuild.ts';

/* Files that openssl made, by every way in which it writes them. */

t.setTimeout(240_000);

const folder = mkdtempSync(join(tmpdir(), 'kezheng-pkcs12-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));

const SIGNS = ['basicConstraints=CA:FALSE', 'keyUsage=critical,nonRepudiation'];
const root = issue({ subject: '/CN=office root', extensions: CA });
const middle = issue({ subject: '/CN=office CA', extensions: CA, by: root });
const office = issue({ subject: '/C=CN/O=某公证处/CN=seal', by: middle, extensions: SIGNS });
const rsa = issue({ subject: '/CN=rsa seal', by: middle, key: 'rsa-2048', extensions: SIGNS });

const PASSPHRASE = '口令 p@ss';
const NOW = Date.now() + 60_000;
const BYTES = Buffer.from('what is signed');

let made = 0;
interface Wish {
  readonly chain?: readonly Issued[];
  readonly options?: readonly string[];
  readonly passphrase?: string;
}

function pfxOf(one: Issued, { chain = [], options = [], passphrase = PASSPHRASE }: Wish = {}): Buffer {
  const base = join(folder, String(made++));
  writeFileSync(`${base}.chain`, chain.map(({ files }) => readFileSync(files.certificate, 'utf8')).join(''));
  openssl([
    ...['pkcs12', '-export', '-inkey', one.files.key, '-in', one.files.certificate, '-out', `${base}.p12`],
    ...(chain.length > 0 ? ['-certfile', `${base}.chain`] : []),
    ...['-passout', `pass:${passphrase}`, ...options],
  ]);
  return readFileSync(`${base}.p12`);
}

const signed = (pfx: Uint8Array, passphrase = PASSPHRASE, nowMs = NOW) =>
  signWithPkcs12(pfx, passphrase, nowMs, () => BYTES);

async function refused(pfx: Uint8Array, passphrase?: string, nowMs?: number): Promise<string | undefined> {
  try {
    await signed(pfx, passphrase, nowMs);
    return undefined;
  } catch (error) {
    if (error instanceof Pkcs12Problem) return error.code;
    throw error;
  }
}

const holds = (one: Issued, signature: Uint8Array): boolean =>
  verify('sha256', BYTES, createPublicKey(readFileSync(one.files.certificate)), signature);

const WAYS: Readonly<Record<string, readonly string[]>> = {
  'as openssl 3 writes by default': [],
  'with AES-128 and HMAC-SHA-1': ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-128-CBC', '-macalg', 'sha1'],
  'with AES-192 and a MAC of SHA-512': [
    '-keypbe',
    'AES-192-CBC',
    '-certpbe',
    'AES-192-CBC',
    '-macalg',
    'sha512',
  ],
  'with a MAC of SHA-384': ['-macalg', 'sha384'],
  'in the old form, RC2-40 and 3DES': ['-legacy'],
  'in the old form, RC2-128': ['-legacy', '-certpbe', 'PBE-SHA1-RC2-128', '-keypbe', 'PBE-SHA1-RC2-128'],
  'in the old form, 3DES throughout': ['-legacy', '-descert'],
  'with certificates in the open': ['-certpbe', 'NONE'],
  'with many iterations': ['-iter', '100000'],
  'with one iteration': ['-noiter', '-nomaciter'],
  'with a name for people': ['-name', '印章'],
};
for (const [how, options] of Object.entries(WAYS))
  t.test(`a file ${how} signs with P-256 and RSA, the chain in its order`, async (t) => {
    for (const one of [office, rsa]) {
      const { certificates, algorithm, signature } = await signed(
        pfxOf(one, { chain: [root, middle], options }),
      );
      t.ok(holds(one, signature));
      t.equal(algorithm, one === rsa ? 'sha256WithRSAEncryption' : 'ecdsa-with-SHA256');
      t.strictSame(
        certificates.map((raw) => [one, middle, root].findIndex(({ der }) => equalBytes(der, raw))),
        [0, 1, 2],
      );
    }
  });

t.test('what is signed may name the certificate', async (t) => {
  const pfx = pfxOf(office);
  let given: readonly Uint8Array[] = [];
  await signWithPkcs12(pfx, PASSPHRASE, NOW, (certificates) => {
    given = certificates;
    return BYTES;
  });
  t.equal(given.length, 1);
  t.ok(equalBytes(given[0]!, office.der));
});

t.test('pass phrases of any script open, and no other does', async (t) => {
  // With none at all a zero octet comes to the same: HMAC fills its key up with them.
  t.ok(holds(office, (await signed(pfxOf(office, { passphrase: '' }), '')).signature));
  for (const passphrase of ['x', '公证处的口令', 'p\u0301', '\u{1f511} key', 'x'.repeat(200)]) {
    const pfx = pfxOf(office, { passphrase });
    t.ok(holds(office, (await signed(pfx, passphrase)).signature), passphrase);
    for (const other of [`${passphrase} `, `${passphrase}\0`, passphrase.slice(1) || 'y'])
      t.equal(await refused(pfx, other), 'pkcs12-passphrase-wrong', other);
  }
});

const chainless = pfxOf(office);

const context0 = (...parts: readonly Uint8Array[]) => encode(contextTag(0, 'constructed'), ...parts);

t.test('each thing that is wrong has its own code', async (t) => {
  const expired = issue({ subject: '/CN=expired', days: 1, extensions: SIGNS });
  const enciphers = issue({
    subject: '/CN=enciphers',
    extensions: ['basicConstraints=CA:FALSE', 'keyUsage=critical,keyEncipherment'],
  });
  const short = issue({ subject: '/CN=short', key: 'rsa-1024', extensions: SIGNS });
  const p384 = issue({ subject: '/CN=p384', key: 'P-384', extensions: SIGNS });
  const base = join(folder, 'alone');
  openssl([
    ...['pkcs12', '-export', '-nokeys', '-in', office.files.certificate, '-out', base],
    ...['-passout', `pass:${PASSPHRASE}`],
  ]);
  const dayMs = 86_400_000;
  const cases: Readonly<Record<string, () => Promise<string | undefined>>> = {
    'pkcs12-too-large': () => refused(new Uint8Array(MAX_PKCS12_BYTES + 1)),
    'pkcs12-malformed': () => refused(Buffer.from('-----BEGIN CERTIFICATE-----')),
    'pkcs12-algorithm-unsupported': () => refused(pfxOf(office, { options: ['-keypbe', 'ARIA-128-CBC'] })),
    'pkcs12-iterations-too-many': () => refused(withMacIterations(chainless, 1_000_001n)),
    'pkcs12-passphrase-wrong': () => refused(chainless, 'other'),
    'pkcs12-not-encrypted': () => refused(pfxOf(office, { options: ['-keypbe', 'NONE'] })),
    'pkcs12-key-missing': () => refused(readFileSync(base)),
    'pkcs12-key-unsupported': () => refused(pfxOf(p384)),
    'pkcs12-certificate-missing': () => refused(keyAlone()),
    'pkcs12-certificate-not-yet-valid': () => refused(chainless, PASSPHRASE, Date.now() - dayMs),
    'pkcs12-certificate-expired': () => refused(pfxOf(expired), PASSPHRASE, Date.now() + 3 * dayMs),
    'pkcs12-certificate-usage': () => refused(pfxOf(enciphers)),
    'pkcs12-keys-several': () => refused(withTwoKeys()),
  };
  t.strictSame(Object.keys(cases).toSorted(), PKCS12_CODES.toSorted());
  for (const [code, work] of Object.entries(cases)) t.equal(await work(), code, code);
  t.equal(await refused(pfxOf(short)), 'pkcs12-key-unsupported', 'RSA of 1,024 bits');
  t.equal(await refused(pfxOf(office, { options: ['-nomac'] })), 'pkcs12-malformed', 'without a MAC');
});

function keyAlone(): Buffer {
  const base = join(folder, 'other');
  openssl([
    ...['pkcs12', '-export', '-inkey', office.files.key, '-nocerts', '-out', base],
    ...['-passout', `pass:${PASSPHRASE}`],
  ]);
  return readFileSync(base);
}

/** MacData: digest, salt, iterations. */
const withMacIterations = (pfx: Uint8Array, iterations: bigint): Uint8Array =>
  replaced(pfx, { '/2/2': [encodeInteger(iterations)] });

/** As Java's tools make them: here two files of openssl's in one safe, the MAC made anew. */
function withTwoKeys(): Buffer {
  const parts = [office, rsa].flatMap((one) => {
    const safe = parseDer(elementAt(pfxOf(one), '/1/1/0').content);
    return safe.children.map(({ raw }) => raw);
  });
  return remade(encode(TAG.sequence, ...parts));
}

/** A file around this safe, with a MAC that openssl is asked for: the one that it would compute. */
function remade(safe: Uint8Array): Buffer {
  const DATA = elementAt(chainless, '/1/0').raw;
  const salt = Buffer.alloc(8, 7);
  const key = macKey(salt);
  const mac = openssl([
    ...['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${key}`, '-binary'],
    fileOf(safe),
  ]);
  const digestInfo = encode(TAG.sequence, elementAt(chainless, '/2/0/0').raw, encode(TAG.octetString, mac));
  return Buffer.from(
    encode(
      TAG.sequence,
      encodeInteger(3n),
      encode(TAG.sequence, DATA, context0(encode(TAG.octetString, safe))),
      encode(TAG.sequence, digestInfo, encode(TAG.octetString, salt), encodeInteger(1n)),
    ),
  );
}

function fileOf(bytes: Uint8Array): string {
  const path = join(folder, String(made++));
  writeFileSync(path, bytes);
  return path;
}

/** openssl's own derivation, RFC 7292 appendix B. */
const macKey = (salt: Uint8Array): string =>
  openssl([
    ...['kdf', '-keylen', '32', '-kdfopt', 'digest:SHA256', '-kdfopt', 'id:3', '-kdfopt', 'iter:1'],
    ...['-kdfopt', `hexpass:${Buffer.from(`${PASSPHRASE}\0`, 'utf16le').swap16().toString('hex')}`],
    ...['-kdfopt', `hexsalt:${Buffer.from(salt).toString('hex')}`, 'PKCS12KDF'],
  ])
    .toString()
    .trim()
    .replaceAll(':', '');

t.test('a file in BER, in pieces and without lengths, opens as the same in DER does', async (t) => {
  const safe = elementAt(chainless, '/1/1/0').content;
  t.ok(holds(office, (await signed(remade(safe))).signature), 'made again in DER');
  const ber = indefinite(remade(safe));
  t.ok(ber.includes(Buffer.from('3080', 'hex')));
  t.ok(holds(office, (await signed(ber)).signature));
  // What openssl says of the same bytes.
  openssl(['pkcs12', '-in', fileOf(ber), '-noout', '-passin', `pass:${PASSPHRASE}`]);
});

/** Every constructed element without its length; octet strings in pieces of 100. */
function indefinite(bytes: Uint8Array): Buffer {
  const write = (element: ReturnType<typeof parseDer>): Buffer => {
    if (element.tag === TAG.octetString && element.content.length > 100) {
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < element.content.length; at += 100)
        pieces.push(encode(TAG.octetString, element.content.subarray(at, at + 100)));
      return Buffer.concat([Buffer.from([0x24, 0x80]), ...pieces, Buffer.from([0, 0])]);
    }
    if (element.children.length === 0) return Buffer.from(element.raw);
    return Buffer.concat([
      Buffer.from([element.tag, 0x80]),
      ...element.children.map(write),
      Buffer.from([0, 0]),
    ]);
  };
  return write(parseDer(bytes));
}

t.test('a file that is cut or changed anywhere is refused by one of the codes, and soon', async (t) => {
  const pfx = pfxOf(office, { options: ['-iter', '1'] });
  for (let length = 0; length < pfx.length; length += 7)
    t.ok(await refused(pfx.subarray(0, length)), `cut at ${length}`);
  for (let at = 0; at < pfx.length; at++) {
    const changed = Buffer.from(pfx);
    changed[at]! ^= 1 << (at % 8);
    // What names a kind or an algorithm in a way that comes to the same stays readable; the key is the office's then.
    const code = await refused(changed);
    if (code === undefined) t.ok(holds(office, (await signed(changed)).signature), `byte ${at}`);
  }
});

t.test('any bytes under a good MAC are refused, and never crash', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
      await refused(bytes);
    }),
    { numRuns: 500 },
  );
  const safe = elementAt(pfxOf(office, { options: ['-iter', '1'] }), '/1/1/0').content;
  for (let at = 0; at < safe.length; at += 31) {
    const changed = Buffer.from(safe);
    changed[at]! ^= 0x04;
    await refused(remade(changed));
  }
});

t.test('no error holds the pass phrase', async (t) => {
  const secret = 'correct horse battery';
  for (const pfx of [chainless, withMacIterations(chainless, 10n ** 8n), Buffer.alloc(4)]) {
    const error: unknown = await signed(pfx, secret).catch((caught: unknown) => caught);
    const { stack, cause, detail } = error as Pkcs12Problem;
    t.notMatch(`${stack}${String(cause)}${JSON.stringify(detail)}`, secret);
  }
});

t.test('work is bounded for a whole file', async (t) => {
  const began = performance.now();
  t.equal(await refused(withMacIterations(chainless, 2n ** 31n - 1n)), 'pkcs12-iterations-too-many');
  t.equal(await refused(withMacIterations(chainless, 0n)), 'pkcs12-iterations-too-many');
  t.ok(performance.now() - began < 1_000);
});
