import { p256 } from '@noble/curves/nist.js';
import { type Stated, statementBytes } from '../../server/core/entry/statement.ts';
import { sha256 } from '../../server/core/hash/sha256.ts';
import { decodeBase64, encodeBase64 } from '../../server/core/read/base64.ts';
import { concat, equalBytes, toHex, utf8 } from '../../server/core/read/bytes.ts';
import { canonicalize, type Json, type JsonObject } from '../../server/core/read/json.ts';
import { type CaseOptions, folderSample, type VectorCase, vector } from './cases.ts';
import { largeKey, signingKey } from './keys.ts';
import { fileMember, makeTree, manifestOf } from './sample.ts';

/* The depositor's own signature in the manifest: good ones, and each part of what is signed made another. */

const depositor = signingKey('depositor');
const other = signingKey('somebody else');
const SIGNED_AT = '2026-11-22T06:59:59.000Z';

const PHOTO = manifestOf([fileMember('photo.jpg')]);

/** The statement over this manifest. */
function statementOver(
  manifest: JsonObject,
  {
    key = depositor,
    named = key,
    high = false,
  }: {
    readonly key?: typeof depositor;
    /** the key that stands in it */
    readonly named?: typeof depositor;
    readonly high?: boolean;
  } = {},
): JsonObject {
  const message = statementBytes(manifest as unknown as Stated, {
    publicKey: named.spki,
    signedAt: SIGNED_AT,
  });
  return {
    format: 'kezheng-statement/1',
    publicKey: encodeBase64(named.spki),
    signature: encodeBase64(high ? key.signHigh(message) : key.sign(message)),
    signedAt: SIGNED_AT,
  };
}

/** Whoever has a signature can name another key under which it holds over the same text: the text names the key. */
function underTwin(manifest: JsonObject): JsonObject {
  const made = statementOver(manifest);
  const digest = sha256(
    statementBytes(manifest as unknown as Stated, { publicKey: depositor.spki, signedAt: SIGNED_AT }),
  );
  const signature = p256.Signature.fromBytes(decodeBase64(made['signature'] as string), 'compact');
  const keys = [0, 1].map((bit) => signature.addRecoveryBit(bit).recoverPublicKey(digest).toBytes(false));
  const twin = keys.find((key) => !equalBytes(key, depositor.spki.subarray(-65)))!;
  return { ...made, publicKey: encodeBase64(concat(depositor.spki.subarray(0, 26), twin)) };
}

const stated = (manifest: JsonObject, statement: JsonObject = statementOver(manifest)): CaseOptions => ({
  entry: { ...manifest, statement },
});

/** What was signed is another manifest than what stands there. */
const altered = (name: string, changes: Readonly<Record<string, Json>>): Promise<VectorCase> =>
  bad(`a statement over another ${name}`, stated({ ...PHOTO, ...changes }, statementOver(PHOTO)));

/** One member of a good statement made another, or taken away. */
const member = (name: string, changes: Readonly<Record<string, Json | undefined>>): Promise<VectorCase> => {
  const made = Object.entries({ ...statementOver(PHOTO), ...changes }).filter(
    ([, value]) => value !== undefined,
  );
  return bad(name, stated(PHOTO, Object.fromEntries(made) as JsonObject));
};

const good = (name: string, options: CaseOptions) => vector(name, 'valid', [], options);
const bad = (name: string, options: CaseOptions) => vector(name, 'invalid', ['statement'], options);

function folderWith(statement: (manifest: JsonObject) => JsonObject): CaseOptions {
  const { entry, inclusion } = folderSample();
  const [local] = inclusion as readonly JsonObject[];
  const bare = local!['manifest'] as JsonObject;
  const outer = { ...bare, statement: statement(bare) };
  const tree = makeTree(outer, 0, 3);
  return { entry: entry!, tree, inclusion: [{ ...local!, manifest: outer }, tree.step] };
}

const keyOf = ({ spki }: typeof depositor): string => toHex(sha256(spki));

const changed = (key: Uint8Array, at: number, byte: number): Uint8Array => key.with(at, byte);

export function statementCases(): Promise<VectorCase>[] {
  const declared = manifestOf([fileMember('photo.jpg', { digests: 'declared', sm3: null, mediaType: null })]);
  const { evidence, depositor: who } = PHOTO as {
    readonly evidence: JsonObject;
    readonly depositor: JsonObject;
  };
  const key = depositor.spki;
  const signature = statementOver(PHOTO)['signature'] as string;
  const compressed = Uint8Array.of(...key.slice(0, 26), 2 + (key.at(-1)! & 1), ...key.slice(27, 59));
  return [
    good('a statement signed by the depositor', stated(PHOTO)),
    good('a statement whose s is the other one', stated(PHOTO, statementOver(PHOTO, { high: true }))),
    good('a statement over declared digests', stated(declared)),
    good('a statement whose digests the service computed itself later', {
      entry: {
        ...PHOTO,
        statement: statementOver(manifestOf([fileMember('photo.jpg', { digests: 'declared' })])),
      },
    }),
    good('a file of a folder that the depositor signed', folderWith(statementOver)),
    bad(
      'a file of a folder under a statement over another folder',
      folderWith((manifest) => statementOver({ ...manifest, folder: { root: '00'.repeat(32), size: 9 } })),
    ),
    bad(
      'a statement signed by another key than it names',
      stated(PHOTO, statementOver(PHOTO, { key: other, named: depositor })),
    ),
    bad('a statement that names another key which its signature fits', stated(PHOTO, underTwin(PHOTO))),
    altered('title', { evidence: { ...evidence, title: '另一个标题' } }),
    altered('account of where it came from', {
      evidence: { ...evidence, origin: { ...(evidence['origin'] as JsonObject), source: null } },
    }),
    altered('file', { files: [fileMember('empty.bin'), fileMember('photo.jpg')] }),
    altered('name of a file', { files: [fileMember('photo.jpg', { name: 'other.jpg' })] }),
    bad(
      'a statement over another SM3',
      stated(PHOTO, statementOver(manifestOf([fileMember('photo.jpg', { sm3: '00'.repeat(32) })]))),
    ),
    altered('depositor', { depositor: { ...who, name: '另一家公司' } }),
    altered('service', { service: 'another service' }),
    member('a statement whose time is another', { signedAt: '2026-11-22T06:59:59.001Z' }),
    member('a statement whose time has no milliseconds', { signedAt: '2026-11-22T06:59:59Z' }),
    member('a statement without its time', { signedAt: undefined }),
    member('a statement with a member too many', { keyId: 'x' }),
    member('a statement without a key', { publicKey: null }),
    member('a statement whose key is of another curve', {
      publicKey: encodeBase64(largeKey('depositor', 'P-384').spki),
    }),
    member('a statement whose point is compressed', { publicKey: encodeBase64(compressed) }),
    member('a statement whose point is not on the curve', {
      publicKey: encodeBase64(changed(key, 90, key[90]! ^ 1)),
    }),
    member('a statement whose key has a byte behind it', {
      publicKey: encodeBase64(Uint8Array.of(...key, 0)),
    }),
    member('a statement whose key is base64url', {
      publicKey: encodeBase64(key).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''),
    }),
    member('a statement whose signature is a byte short', {
      signature: encodeBase64(new Uint8Array(63).fill(1)),
    }),
    member('a statement whose signature is all zero', { signature: encodeBase64(new Uint8Array(64)) }),
    member('a statement whose signature has other padding bits', {
      signature: signature.replace(/.(==)$/, (end) => `${end[0] === 'B' ? 'C' : 'B'}==`),
    }),
    member('a statement whose signature is DER', {
      signature: encodeBase64(depositor.signDer(utf8(canonicalize(PHOTO)))),
    }),
    good('a statement by one of the keys that the reader knows', {
      ...stated(PHOTO),
      depositorKeys: [keyOf(other), keyOf(depositor)],
    }),
    bad('a statement by none of the keys that the reader knows', {
      ...stated(PHOTO),
      depositorKeys: [keyOf(other)],
    }),
    bad('no statement where the reader knows the depositor’s key', {
      entry: PHOTO,
      depositorKeys: [keyOf(depositor)],
    }),
    vector('a statement of an unknown format where the reader knows the depositor’s key', 'incomplete', [], {
      ...stated(PHOTO, { format: 'kezheng-statement/9' }),
      depositorKeys: [keyOf(depositor)],
    }),
    bad('an entry of an unknown format where the reader knows the depositor’s key', {
      entry: { format: 'kezheng-event/1', anything: 1 },
      depositorKeys: [keyOf(depositor)],
    }),
  ];
}
