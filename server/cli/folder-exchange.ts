import { createHash } from 'node:crypto';
import { parseCertificate } from '../core/certificate/certificate.ts';
import type { Manifest } from '../core/entry/manifest.ts';
import { folderOf } from '../core/folder/cut.ts';
import type { EndLine, ReceiptLine } from '../core/folder/index-lines.ts';
import { decodeBase64 } from '../core/read/base64.ts';
import { equalBytes, utf8 } from '../core/read/bytes.ts';
import { anyObject } from '../core/read/fields.ts';
import { canonicalize, isList, isObject, type Json, type JsonObject, parseJson } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import { parseResponse } from '../core/token/response.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { checkToken } from '../core/verify/token.ts';
import {
  asAnswer,
  askForCertificate,
  checkCertificate,
  checkSaid,
  manifestIn,
  parseObject,
  waitForCertificate,
  wrong,
} from './answers.ts';
import { appendCertificate, appendReceipt, appendRequest, type IndexTail } from './folder-index.ts';
import type { Lock } from './lock.ts';
import type { Progress } from './progress.ts';
import { readSmall } from './read-small.ts';
import { type ServiceAnswer, type ServiceClient, ServiceRefused } from './service-client.ts';
import { evidenceAsStated, requireSelf, type Signer, whoAmI } from './signer.ts';
import { printable, UsageError } from './usage.ts';

/* What a folder's deposit says to a service and hears from it. What it hears is looked at before it is kept. */

export interface Exchange {
  /** Once. Throws ServiceRefused where the key is none, ServiceAway where nobody answers. */
  greet(): Promise<void>;
  /** Durable in the index when it resolves, as is the certificate. */
  deposit(tail: IndexTail): Promise<ReceiptLine>;
  certificate(end: EndLine, receipt: ReceiptLine): Promise<Uint8Array>;
  /** A later revision than the one that is there; undefined where there is none, or nobody who says so. */
  newer(end: EndLine, receipt: ReceiptLine, earlier: Uint8Array): Promise<Uint8Array | undefined>;
}

export interface ExchangeOptions {
  readonly client: ServiceClient;
  readonly index: string;
  readonly lock: Lock;
  /** undefined: as it was said the last time */
  readonly evidence: JsonObject | undefined;
  readonly fallback: JsonObject;
  /** the depositor's own key; undefined: nothing is signed */
  readonly signer: Signer | undefined;
  readonly as: string | undefined;
  readonly progress: Progress;
  readonly signatures: SignatureVerifier;
  readonly nowMs: () => number;
}

/** More is no description of evidence. */
const MAX_EVIDENCE = 256 * 1024;
const MAX_TITLE = 200;
/** Tokens that our service makes are far smaller. */
const MAX_REPLY = 64 * 1024;
/** Within so long the service itself knows a request again (24 hours, and clocks differ). */
const KNOWN_AGAIN_MS = 20 * 3_600_000;

/** What stands for the evidence where nobody describes it: a folder's name may hold what a title may not. */
export const titled = (name: string): JsonObject => ({
  title: printable(name.toWellFormed()).slice(0, MAX_TITLE).toWellFormed() || '-',
});

/** `path` is a file of JSON with what the interface takes, but for files. A title that is given beside it counts. */
export async function readEvidence(
  path: string | undefined,
  title: string | undefined,
): Promise<JsonObject | undefined> {
  if (path === undefined) return title === undefined ? undefined : { title };
  const given = evidenceIn(path, await readSmall(path, MAX_EVIDENCE + 1));
  return title === undefined ? given : { ...given, title };
}

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

export function exchangeWith(options: ExchangeOptions): Exchange {
  const { client, index, lock, progress, signatures, nowMs } = options;

  /** Salts make a root of its own of each folder: what is sent again under this key is the same deposit. */
  const post = (body: string, { root }: EndLine): Promise<ServiceAnswer> =>
    client.ask(
      {
        method: 'POST',
        path: '/v1/evidence',
        headers: { 'content-type': 'application/json', 'idempotency-key': `folder-${root}` },
        body,
      },
      [201],
    );

  /** Where an answer was lost, an earlier body may be the one that was stored. */
  async function postAny(bodies: readonly string[], end: EndLine): Promise<ServiceAnswer> {
    for (const body of bodies) {
      try {
        return await post(body, end);
      } catch (error) {
        const isOther = error instanceof ServiceRefused && error.code === 'idempotency-key-reused';
        if (!isOther || body === bodies.at(-1)) throw error;
      }
    }
    throw new Error('nothing to send');
  }

  /** A deposit whose answer was lost so long ago that the service does not know the request again. */
  async function stored({ requests, end }: IndexTail): Promise<string | undefined> {
    const oldest = requests.at(-1);
    if (oldest === undefined || nowMs() - Date.parse(oldest.sentAt) < KNOWN_AGAIN_MS) return undefined;
    const from = new Date(Date.parse(oldest.sentAt) - 3_600_000).toISOString();
    let cursor = '';
    do {
      const path = `/v1/evidence?limit=100&from=${from}&text=${end.root}${cursor && `&cursor=${cursor}`}`;
      const page = await asAnswer(client, parseObject, await client.ask({ method: 'GET', path }, [200]));
      const id = idOf(page['items'] ?? null, end);
      if (id !== undefined) return id;
      cursor = typeof page['next'] === 'string' ? page['next'] : '';
    } while (cursor !== '');
    return undefined;
  }

  /** What is sent; signed where a key is given. What was sent before with the same words goes out again as it was. */
  async function bodyOf(
    said: JsonObject,
    folder: { readonly root: string; readonly size: number },
    requests: IndexTail['requests'],
  ): Promise<string> {
    const { signer } = options;
    const bare = canonicalize({ ...said, folder });
    if (signer === undefined) return bare;
    const before = requests.find(({ body }) => {
      const { statement = null, ...rest } = anyObject(parseJson(utf8(body)), 'request');
      const isOurs = isObject(statement) && statement['publicKey'] === signer.publicKey;
      return isOurs && canonicalize(rest) === bare;
    });
    if (before !== undefined) return before.body;
    const me = await whoAmI(client);
    requireSelf(me, options.as);
    const stated = { ...me, evidence: evidenceAsStated(said), files: [], folder };
    return canonicalize({ ...said, folder, statement: signer.statement(stated, nowMs()) });
  }

  async function receiptFor(answer: ServiceAnswer, end: EndLine, evidence: JsonObject | undefined) {
    const { id, text } = await asAnswer(
      client,
      (given) => depositIn(given, end, evidence, options.signer),
      answer,
    );
    const path = `/v1/evidence/${id}/receipt`;
    const reply = await asAnswer(client, replyIn, await client.ask({ method: 'GET', path }, [200]));
    if (reply !== null) await asAnswer(client, (bytes) => checkReply(bytes, text, signatures), reply);
    const receipt = { id, manifest: text, reply, url: client.url };
    await lock.confirm();
    await appendReceipt(index, receipt);
    return receipt;
  }

  return {
    async greet() {
      await client.askOnce({ method: 'GET', path: '/v1/evidence?limit=1' }, [200]);
    },

    async deposit(tail) {
      const { end, requests } = tail;
      const found = await stored(tail);
      if (found !== undefined)
        return receiptFor(
          await client.ask({ method: 'GET', path: `/v1/evidence/${found}` }, [200]),
          end,
          undefined,
        );
      const folder = { root: end.root, size: end.size };
      const said = options.evidence ?? (requests.length === 0 ? options.fallback : undefined);
      const own = said && (await bodyOf(said, folder, requests));
      const earlier = requests.map(({ body }) => body).filter((body) => body !== own);
      await lock.confirm();
      if (own !== undefined && !requests.some(({ body }) => body === own))
        await appendRequest(index, { body: own, sentAt: new Date(nowMs()).toISOString() });
      const bodies = own === undefined ? earlier : [own, ...earlier];
      return receiptFor(await postAny(bodies, end), end, bodies.length === 1 ? said : undefined);
    },

    async certificate(end, receipt) {
      const bytes = await waitForCertificate(client, receipt.id, progress);
      await keep(bytes, end, receipt);
      return bytes;
    },

    async newer(end, receipt, earlier) {
      // What is there is good: that nobody answers now, or answers no, changes nothing.
      const answer = await askForCertificate(client, client.askOnce, receipt.id).catch(() => undefined);
      if (answer?.status !== 200 || equalBytes(answer.body, earlier)) return undefined;
      const { revision } = await asAnswer(client, parseCertificate, answer.body);
      if (revision <= parseCertificate(earlier).revision) return undefined;
      await keep(answer.body, end, receipt);
      return answer.body;
    },
  };

  async function keep(bytes: Uint8Array, end: EndLine, { manifest: text }: ReceiptLine): Promise<void> {
    await asAnswer(client, (given) => checkFolderCertificate(given, text, end, signatures), bytes);
    await lock.confirm();
    await appendCertificate(index, bytes);
  }
}

/** Of the deposit of this folder among those of a list: others may speak of its root, in a description say. */
function idOf(items: Json, { root }: EndLine): string | undefined {
  if (!isList(items)) return undefined;
  for (const item of items) {
    const { id = null, folder = null } = anyObject(item, 'item');
    if (isObject(folder) && folder['root'] === root && typeof id === 'string') return id;
  }
  return undefined;
}

/** The service's manifest is about this folder, says what it was told, and bears the signature that was asked for. */
function depositIn(
  answer: ServiceAnswer,
  end: EndLine,
  evidence: JsonObject | undefined,
  signer: Signer | undefined,
) {
  const { read, value, text } = manifestIn(answer);
  checkFolder(read.folder, end, 'manifest.folder');
  if (evidence !== undefined) checkSaid(evidence, value['evidence'] ?? null, 'manifest.evidence');
  if (signer !== undefined && read.statement?.['publicKey'] !== signer.publicKey)
    throw wrong('manifest.statement.publicKey', signer.publicKey);
  return { id: read.id, text };
}

function checkFolder(folder: Manifest['folder'], { root, size }: EndLine, at: string): void {
  if (folder?.root !== root || folder.size !== size) throw wrong(at, `${root}, ${size}`);
}

function replyIn(answer: ServiceAnswer): Uint8Array | null {
  const stamp = parseObject(answer)['stamp'] ?? null;
  if (stamp === null) return null;
  const reply = anyObject(stamp, 'stamp')['reply'];
  if (typeof reply !== 'string' || reply.length > 2 * MAX_REPLY) throw wrong('stamp.reply', 'base64');
  return decodeBase64(reply);
}

/** A token of a bulk call would be over its root; this deposit is one alone. */
async function checkReply(reply: Uint8Array, text: string, signatures: SignatureVerifier): Promise<void> {
  const response = parseResponse(reply);
  if (!response.granted) throw wrong('stamp.reply', 'granted');
  const digest = createHash('sha256').update(text).digest();
  await checkToken({ token: response.token, certificates: [] }, { algorithm: 'sha256', digest }, signatures);
}

async function checkFolderCertificate(
  bytes: Uint8Array,
  text: string,
  end: EndLine,
  signatures: SignatureVerifier,
): Promise<void> {
  await checkCertificate(bytes, text, [], signatures);
  checkFolder(folderOf(bytes), end, 'certificate.entry.folder');
}
