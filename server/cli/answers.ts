import { setTimeout as sleep } from 'node:timers/promises';
import { parseCertificate } from '../core/certificate/certificate.ts';
import { MANIFEST_FORMAT, type Manifest, manifest } from '../core/entry/manifest.ts';
import { equalBytes, toHex, utf8 } from '../core/read/bytes.ts';
import { anyObject } from '../core/read/fields.ts';
import { canonicalize, isList, isObject, type Json, type JsonObject, parseJson } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import { leafHash } from '../core/tree/tree.ts';
import type { GivenFile } from '../core/verify/files.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { verifyCertificate } from '../core/verify/verify.ts';
import { bothLanguages } from '../messages/sentence.ts';
import type { Progress } from './progress.ts';
import { type ServiceAnswer, type ServiceClient, ServiceRefused } from './service-client.ts';
import { printable } from './usage.ts';

/* What a service answers to a deposit, looked at before it is believed or kept: of single files and of folders alike. */

/** Manifests that our service makes are far smaller. */
const MAX_MANIFEST = 512 * 1024;

export const parseObject = ({ body }: ServiceAnswer): JsonObject => anyObject(parseJson(body), 'answer');

/** A FormatError of `read` becomes a ServiceRefused that says why. */
export async function asAnswer<A, T>(
  client: ServiceClient,
  read: (answer: A) => T | Promise<T>,
  answer: A,
): Promise<T> {
  try {
    return await read(answer);
  } catch (error) {
    throw error instanceof FormatError ? doesNotFit(client, error) : error;
  }
}

const doesNotFit = ({ url }: ServiceClient, { code, detail }: FormatError): ServiceRefused => {
  const { zh, en } = bothLanguages('reason', code, detail);
  return new ServiceRefused(
    printable(`${url}: 应答与所存证的不符：${zh} / the answer does not fit what was deposited: ${en}`),
  );
};

export interface AnsweredManifest {
  readonly read: Manifest;
  /** as it came, for what is compared member by member */
  readonly value: JsonObject;
  /** RFC 8785 */
  readonly text: string;
}

/** The manifest in the answer to a deposit; its leaf is the one that the answer says. Throws FormatError. */
export function manifestIn(given: ServiceAnswer): AnsweredManifest {
  const answer = parseObject(given);
  const value = anyObject(answer['manifest'] ?? null, 'manifest');
  if (value['format'] !== MANIFEST_FORMAT) throw wrong('manifest.format', MANIFEST_FORMAT);
  const text = canonicalize(value);
  if (text.length > MAX_MANIFEST) throw wrong('manifest', `<= ${MAX_MANIFEST}`);
  const read = manifest(value, 'manifest');
  if (answer['leafHash'] !== toHex(leafHash(utf8(text)))) throw wrong('leafHash', 'SHA-256(0x00 ‖ manifest)');
  return { read, value, text };
}

/** Asks for it once. 409: it is not ready. */
export async function askForCertificate(
  client: ServiceClient,
  ask: ServiceClient['ask'],
  id: string,
): Promise<ServiceAnswer> {
  const answer = await ask({ method: 'GET', path: `/v1/evidence/${id}/certificate` }, [200, 404, 409]);
  if (answer.status === 404)
    throw new ServiceRefused(
      `${client.url}: 没有这项存证：存证时用的也许是另一机构的密钥 / there is no such deposit: perhaps it was made with the key of another organization`,
    );
  if (answer.status === 409 && answer.code !== 'certificate-not-ready')
    throw new ServiceRefused(`${client.url}: 409 ${answer.code}`);
  return answer;
}

/** Until there is one, however long that takes. */
export async function waitForCertificate(
  client: ServiceClient,
  id: string,
  progress: Progress,
): Promise<Uint8Array> {
  for (;;) {
    const answer = await askForCertificate(client, client.ask, id);
    if (answer.status === 200) return answer.body;
    progress.show(() => '等待上链与证书 / waiting for the anchor and the certificate');
    await sleep(1_000 * Math.min(Math.max(answer.retryAfterSeconds ?? 5, 1), 60));
  }
}

/** Of this manifest, with these files, and nothing in it is wrong; whom to trust is asked when it is used. */
export async function checkCertificate(
  bytes: Uint8Array,
  text: string,
  files: readonly GivenFile[],
  signatures: SignatureVerifier,
): Promise<void> {
  if (!equalBytes(parseCertificate(bytes).entryBytes, utf8(text)))
    throw wrong('certificate.entry', 'manifest');
  const given = { certificate: bytes, files, trust: undefined, blocks: [], signatures };
  const failed = (await verifyCertificate(given)).checks.find(({ status }) => status === 'failed');
  if (failed !== undefined) throw new FormatError(failed.reason.code, failed.reason.detail);
}

export const wrong = (at: string, expected: string): FormatError =>
  new FormatError('field-value-wrong', { at, expected });

const TIME = /^\d{4}-\d\d-\d\dT/i;

/** Every text that was handed in stands in the manifest; times may be written as the same moment in UTC. */
export function checkSaid(said: Json, kept: Json, at: string): void {
  if (isObject(said)) {
    const object = anyObject(kept, at);
    for (const [name, value] of Object.entries(said)) checkSaid(value, object[name] ?? null, `${at}.${name}`);
  } else if (isList(said)) {
    if (!isList(kept) || kept.length !== said.length) throw wrong(at, `${said.length}`);
    for (const [i, value] of said.entries()) checkSaid(value, kept[i]!, `${at}[${i}]`);
  } else if (said !== kept) {
    const isSameMoment = TIME.test(String(said)) && Date.parse(String(said)) === Date.parse(String(kept));
    if (!isSameMoment) throw wrong(at, String(said));
  }
}
