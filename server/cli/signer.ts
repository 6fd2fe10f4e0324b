import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { STATEMENT_FORMAT, type Stated, statementBytes } from '../core/entry/statement.ts';
import { encodeBase64 } from '../core/read/base64.ts';
import { anyObject, members, nullable, text, uuid } from '../core/read/fields.ts';
import { type JsonObject, parseJson } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import { describedEvidence, type EvidenceGiven } from '../pipeline/manifest.ts';
import { MAX_PEM_BYTES, readSmall } from './read-small.ts';
import { type ServiceClient, ServiceRefused } from './service-client.ts';
import { UsageError } from './usage.ts';

/* The depositor's own key, which never leaves this machine: what it signs is what the manifest will say. */

export interface Signer {
  /** SubjectPublicKeyInfo, base64 */
  readonly publicKey: string;
  /** A kezheng-statement/1 over this. */
  statement(stated: Stated, nowMs: number): JsonObject;
}

/** A private key on P-256, PEM (PKCS #8 or SEC 1), maybe with a password in a file; a UsageError where it is none. */
export async function readSigner(path: string, passwordFile: string | undefined): Promise<Signer> {
  const pem = Buffer.from(await readSmall(path, MAX_PEM_BYTES)).toString('latin1');
  const password = passwordFile && Buffer.from(await readSmall(passwordFile, MAX_PEM_BYTES)).toString('utf8');
  const key = privateKey(path, pem, password?.replace(/\r?\n$/, ''));
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' });
  return {
    publicKey: encodeBase64(publicKey),
    statement(stated, nowMs) {
      const signedAt = new Date(nowMs).toISOString();
      const message = statementBytes(stated, { publicKey, signedAt });
      const signature = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' });
      return {
        format: STATEMENT_FORMAT,
        publicKey: encodeBase64(publicKey),
        signature: encodeBase64(signature),
        signedAt,
      };
    },
  };
}

function privateKey(path: string, pem: string, password: string | undefined): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, ...(password !== undefined && { passphrase: password }) });
  } catch {
    throw new UsageError(
      `${path} 不是可用的私钥（PEM），或口令不对（--sign-password-file） / is no private key that can be read (PEM), or its password is another`,
    );
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new UsageError(`${path} 应为 P-256（prime256v1）的私钥 / is no key on P-256 (prime256v1)`);
  return key;
}

/** As manifests name the depositor and the service. */
export async function whoAmI(client: ServiceClient): Promise<Pick<Stated, 'depositor' | 'service'>> {
  const { body } = await client.ask({ method: 'GET', path: '/v1/me' }, [200]);
  try {
    const { depositor, service } = anyObject(parseJson(body), 'me');
    const get = members(depositor ?? null, 'me.depositor', ['id', 'name', 'uscc']);
    return {
      depositor: { id: get('id', uuid), name: get('name', text), uscc: get('uscc', nullable(text)) },
      service: text(service ?? null, 'me.service'),
    };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new ServiceRefused(`${client.url}/v1/me: ${error.code}`, error.code);
  }
}

const TIMES = ['capturedFrom', 'capturedTo'] as const;

/** Whose name a service puts under a signature is the depositor's to say, where he said it beforehand. */
export function requireSelf({ depositor }: Pick<Stated, 'depositor'>, as: string | undefined): void {
  if (as === undefined || as === depositor.name || as === depositor.id) return;
  throw new ServiceRefused(
    `服务称您为“${depositor.name}”（${depositor.id}），不是“${as}”：没有签名 / the service calls you ${depositor.name}, not ${as}: nothing was signed`,
  );
}

/** As the manifest will have it; what the interface does not take, it says itself. */
export function evidenceAsStated(given: JsonObject): Stated['evidence'] {
  const instants = TIMES.flatMap((name) => {
    const ms = Date.parse(String(given[name] ?? ''));
    return Number.isNaN(ms) ? [] : [[name, new Date(ms).toISOString()] as const];
  });
  return describedEvidence({ ...given, ...Object.fromEntries(instants) } as unknown as EvidenceGiven);
}
