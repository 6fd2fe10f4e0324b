import { setTimeout as sleep } from 'node:timers/promises';
import { parseCertificate } from '../core/certificate/certificate.ts';
import { MANIFEST_FORMAT, manifest } from '../core/entry/manifest.ts';
import type { EndLine, ReceiptLine } from '../core/folder/index-lines.ts';
import { decodeBase64 } from '../core/read/base64.ts';
import { equalBytes, toHex, utf8 } from '../core/read/bytes.ts';
import { canonicalize, isObject, type Json, type JsonObject, parseJson } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import { leafHash } from '../core/tree/tree.ts';
import { appendCertificate, appendReceipt } from './folder-index.ts';
import type { Progress } from './progress.ts';
import { readSmall } from './read-small.ts';
import { type ServiceAnswer, type ServiceClient, ServiceRefused } from './service-client.ts';
import { printable, UsageError } from './usage.ts';

/* What a folder's deposit says to a service and hears from it. What it hears is looked at before it is kept. */

export interface Exchange {
  /** Throws ServiceRefused where the key is none. */
  greet(): Promise<void>;
  /** Both are durable in the index when they resolve. */
  deposit(end: EndLine): Promise<ReceiptLine>;
  certificate(end: EndLine, receipt: ReceiptLine): Promise<Uint8Array>;
}

export interface ExchangeOptions {
  readonly client: ServiceClient;
  readonly index: string;
  readonly evidence: JsonObject;
  readonly progress: Progress;
}

/** More is no description of evidence. */
const MAX_EVIDENCE = 256 * 1024;
const MAX_TITLE = 200;

/** `path` is a file of JSON with what the interface takes, but for files. */
export async function readEvidence(path: string | undefined, title: string): Promise<JsonObject> {
  const given = path === undefined ? {} : evidenceIn(path, await readSmall(path, MAX_EVIDENCE + 1));
  return 'title' in given ? given : { ...given, title: oneLine(title).slice(0, MAX_TITLE) || '-' };
}

/** A folder's name may hold what a title may not. */
const oneLine = (text: string): string => printable(text.toWellFormed());

function evidenceIn(path: string, bytes: Uint8Array): JsonObject {
  try {
    const value = bytes.length > MAX_EVIDENCE ? null : parseJson(bytes);
    if (value !== null && isObject(value) && !('files' in value) && !('folder' in value)) return value;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  throw new UsageError(
    `${path} 应为 JSON 对象，不含 files、folder / is a JSON object without files and folder`,
  );
}

export function exchangeWith({ client, index, evidence, progress }: ExchangeOptions): Exchange {
  return {
    async greet() {
      await client.ask({ method: 'GET', path: '/v1/evidence?limit=1' }, [200]);
    },

    async deposit({ root, size }) {
      const body = canonicalize({ ...evidence, folder: { root, size } });
      // Salts make a root of its own of each folder: what is sent again is the same deposit.
      const headers = { 'content-type': 'application/json', 'idempotency-key': `folder-${root}` };
      const made = await client.ask({ method: 'POST', path: '/v1/evidence', headers, body }, [201]);
      const { id, text } = asAnswer(client, () => depositIn(made, { root, size }));
      const answer = await client.ask({ method: 'GET', path: `/v1/evidence/${id}/receipt` }, [200]);
      const reply = asAnswer(client, () => replyIn(answer));
      const receipt = { id, manifest: text, reply, url: client.url };
      await appendReceipt(index, receipt);
      return receipt;
    },

    async certificate(end, { id, manifest: text }) {
      const path = `/v1/evidence/${id}/certificate`;
      for (;;) {
        const answer = await client.ask({ method: 'GET', path }, [200, 409]);
        if (answer.status === 200) {
          asAnswer(client, () => checkCertificate(answer.body, text, end));
          await appendCertificate(index, answer.body);
          return answer.body;
        }
        progress.show(() => '等待上链与证书 / waiting for the anchor and the certificate');
        await sleep(1_000 * Math.min(Math.max(answer.retryAfterSeconds ?? 5, 1), 60));
      }
    },
  };
}

function asAnswer<T>({ url }: ServiceClient, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new ServiceRefused(
      `${url}: 应答与所存证的不符（${error.code}） / the answer does not fit what was deposited (${error.code})`,
    );
  }
}

/** The service's manifest is about this folder, and its leaf is the one it says. */
function depositIn({ body }: ServiceAnswer, { root, size }: Pick<EndLine, 'root' | 'size'>) {
  const answer = parseJson(body) as JsonObject;
  const value = answer['manifest'] ?? null;
  const text = canonicalize(value);
  const { id, folder } = manifest(withFormat(value), 'manifest');
  if (folder?.root !== root || folder.size !== size) throw new FormatError('proof-leads-elsewhere');
  if (answer['leafHash'] !== toHex(leafHash(utf8(text)))) throw new FormatError('proof-leads-elsewhere');
  return { id, text };
}

function withFormat(value: Json): Json {
  if (isObject(value) && value['format'] === MANIFEST_FORMAT) return value;
  throw new FormatError('field-value-wrong', { at: 'manifest.format', expected: MANIFEST_FORMAT });
}

function replyIn({ body }: ServiceAnswer): Uint8Array | null {
  const { stamp } = parseJson(body) as { readonly stamp?: { readonly reply?: unknown } | null };
  return typeof stamp?.reply === 'string' ? decodeBase64(stamp.reply) : null;
}

function checkCertificate(bytes: Uint8Array, text: string, { root, size }: EndLine): void {
  const { entryBytes, entry } = parseCertificate(bytes);
  const folder = 'folder' in entry ? entry.folder : null;
  if (!equalBytes(entryBytes, utf8(text)) || folder?.root !== root || folder.size !== size)
    throw new FormatError('proof-leads-elsewhere');
}
