import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type { RegistrationAnswer, SignInAnswer } from '../../server/ports/webauthn.ts';

/*
 * An authenticator of our own, by WebAuthn §6 and RFC 8949, so that the checks meet one that no library of theirs has
 * made. Each part of what it says can be said wrongly.
 */

export type Cbor = number | string | Uint8Array | Cbor[] | Map<number | string, Cbor>;

/** RFC 8949 §3: the items that credentials are made of. */
export function cbor(value: Cbor): Buffer {
  if (typeof value === 'number') return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    return Buffer.concat([head(3, bytes.length), bytes]);
  }
  if (value instanceof Uint8Array) return Buffer.concat([head(2, value.length), value]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  return Buffer.concat([head(5, value.size), ...[...value].flatMap(([key, one]) => [cbor(key), cbor(one)])]);
}

function head(major: number, argument: number): Buffer {
  if (argument < 24) return Buffer.from([(major << 5) | argument]);
  if (argument < 256) return Buffer.from([(major << 5) | 24, argument]);
  return Buffer.from([(major << 5) | 25, argument >> 8, argument & 255]);
}

const ofJwk = (key: KeyObject, part: 'x' | 'y'): Buffer =>
  Buffer.from(key.export({ format: 'jwk' })[part] as string, 'base64url');

const KINDS = {
  /** COSE (RFC 9053 §7.1): kty EC2, alg ES256, crv P-256 */
  'P-256': {
    make: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    cose: (key: KeyObject): Cbor =>
      new Map<number, Cbor>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, ofJwk(key, 'x')],
        [-3, ofJwk(key, 'y')],
      ]),
    hash: 'sha256',
  },
  /** kty OKP, alg EdDSA, crv Ed25519 */
  Ed25519: {
    make: () => generateKeyPairSync('ed25519'),
    cose: (key: KeyObject): Cbor =>
      new Map<number, Cbor>([
        [1, 1],
        [3, -8],
        [-1, 6],
        [-2, ofJwk(key, 'x')],
      ]),
    hash: undefined,
  },
} as const;
export type KeyKind = keyof typeof KINDS;
export const KEY_KINDS = Object.keys(KINDS) as KeyKind[];

/** What is said otherwise than an honest browser and authenticator would. */
export interface Lies {
  readonly origin?: string;
  readonly rpId?: string;
  readonly type?: string;
  readonly challenge?: string;
  readonly crossOrigin?: boolean;
  /** UP 1, UV 4 */
  readonly flags?: number;
  readonly counter?: number;
  readonly id?: string;
  readonly userHandle?: string;
  readonly key?: KeyObject;
  readonly format?: string;
  readonly statement?: Map<string, Cbor>;
}

const UP_UV = 0x05;
const ATTESTED = 0x40;

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

export interface Authenticator {
  readonly id: string;
  readonly keys: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
  create(options: { readonly challenge: string }, lies?: Lies): RegistrationAnswer;
  get(options: { readonly challenge: string }, person: string, lies?: Lies): SignInAnswer;
}

export function authenticator(kind: KeyKind, origin: string): Authenticator {
  const credentialId = randomBytes(32);
  const id = base64url(credentialId);
  const keys = KINDS[kind].make();
  const { hostname } = new URL(origin);
  let counter = 0;

  /** §6.1 */
  function dataOf(more: number, lies: Lies): Buffer {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(lies.counter ?? counter);
    const rpIdHash = createHash('sha256').update(lies.rpId ?? hostname);
    return Buffer.concat([rpIdHash.digest(), Buffer.from([(lies.flags ?? UP_UV) | more]), count]);
  }

  /** §5.8.1 */
  const clientOf = (type: string, challenge: string, lies: Lies): Buffer =>
    Buffer.from(
      JSON.stringify({
        type: lies.type ?? type,
        challenge: lies.challenge ?? challenge,
        origin: lies.origin ?? origin,
        crossOrigin: lies.crossOrigin ?? false,
      }),
    );

  return {
    id,
    keys,
    create({ challenge }, lies = {}) {
      const length = Buffer.from([0, credentialId.length]);
      const key = cbor(KINDS[kind].cose(keys.publicKey));
      const attested = Buffer.concat([Buffer.alloc(16), length, credentialId, key]);
      const object = new Map<string, Cbor>([
        ['fmt', lies.format ?? 'none'],
        ['attStmt', lies.statement ?? new Map()],
        ['authData', Buffer.concat([dataOf(ATTESTED, lies), attested])],
      ]);
      return {
        id: lies.id ?? id,
        clientDataJSON: base64url(clientOf('webauthn.create', challenge, lies)),
        attestationObject: base64url(cbor(object)),
        transports: ['internal', 'nonsense'],
      };
    },
    get({ challenge }, person, lies = {}) {
      counter++;
      const [data, client] = [dataOf(0, lies), clientOf('webauthn.get', challenge, lies)];
      const signed = Buffer.concat([data, createHash('sha256').update(client).digest()]);
      return {
        id: lies.id ?? id,
        clientDataJSON: base64url(client),
        authenticatorData: base64url(data),
        signature: base64url(sign(KINDS[kind].hash, signed, lies.key ?? keys.privateKey)),
        userHandle: lies.userHandle ?? base64url(Buffer.from(person.replaceAll('-', ''), 'hex')),
      };
    },
  };
}
