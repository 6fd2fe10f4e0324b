import { randomUUID } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { basename } from 'node:path';
import type { JsonObject } from '../core/read/json.ts';
import type { GivenFile } from '../core/verify/files.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { asAnswer, checkCertificate, checkSaid, manifestIn, waitForCertificate } from './answers.ts';
import { titled } from './folder-exchange.ts';
import { hashFile } from './hash-file.ts';
import { mediaTypeOf } from './media-types.ts';
import { isThere, writeNew } from './new-file.ts';
import type { Progress } from './progress.ts';
import type { ServiceAnswer, ServiceClient } from './service-client.ts';
import { evidenceAsStated, requireSelf, type Signer, whoAmI } from './signer.ts';
import { UsageError, userPath } from './usage.ts';

/** One deposit of some files: sent whole, or as their digests only. */
export interface FilesJob {
  readonly paths: readonly string[];
  readonly hashOnly: boolean;
  readonly evidence: JsonObject | undefined;
  readonly signer: Signer | undefined;
  /** name or id under which the depositor means to sign; undefined: as the service calls him */
  readonly as: string | undefined;
  /** where the certificate goes; a name that is not there yet */
  readonly out: string;
  readonly isWaiting: boolean;
  readonly client: ServiceClient;
  readonly signatures: SignatureVerifier;
  readonly progress: Progress;
  readonly nowMs: () => number;
}

export interface FilesDone {
  readonly id: string;
  readonly receivedAt: string;
  /** as whom it was signed; undefined where it was not */
  readonly signedAs: { readonly depositor: string; readonly service: string } | undefined;
  /** undefined: not waited for */
  readonly certificate: string | undefined;
}

/** What one deposit takes: see `files` of POST /v1/evidence. */
const MOST_FILES = 100;

/** Throws UsageError, ServiceAway, ServiceRefused. Sent again, as the client does by itself, it is the same deposit. */
export async function depositFiles(job: FilesJob): Promise<FilesDone> {
  const { client, paths, progress } = job;
  if (paths.length > MOST_FILES)
    throw new UsageError(`一次至多 ${MOST_FILES} 个文件，更多请用 --folder / at most, and a folder for more`);
  if (job.isWaiting && isThere(job.out))
    throw new UsageError(`${job.out} 已存在，请用 --out 另取名称 / is there: name another --out`);
  const files: GivenFile[] = [];
  for (const path of paths) {
    progress.show(() => `计算摘要 hashing ${basename(path)}`);
    files.push(await hashFile(path));
  }
  const said = job.evidence ?? titled(basename(paths[0]!));
  const described = files.map(({ name, size, sha256, sm3 }) => ({
    ...{ mediaType: mediaTypeOf(name!), name: name!, role: 'evidence' as const },
    ...{ sha256, size: size!, sm3: sm3! },
  }));
  const me = job.signer && (await whoAmI(client));
  if (me !== undefined) requireSelf(me, job.as);
  const statement = job.signer && {
    statement: job.signer.statement(
      { ...me!, evidence: evidenceAsStated(said), files: described, folder: null },
      job.nowMs(),
    ),
  };
  progress.show(() => '发送 sending');
  const answer = await client.ask(
    {
      method: 'POST',
      path: '/v1/evidence',
      headers: { 'idempotency-key': `deposit-${randomUUID()}` },
      ...(job.hashOnly
        ? { json: { ...said, files: described.map(({ role: _, ...file }) => file), ...statement } }
        : { form: await formOf({ ...said, ...statement }, described, paths) }),
    },
    [201],
  );
  const { id, text, receivedAt } = await asAnswer(
    client,
    (given) => depositIn(given, said, described, statement),
    answer,
  );
  const done = { id, receivedAt, signedAs: me && { depositor: me.depositor.name, service: me.service } };
  if (!job.isWaiting) return { ...done, certificate: undefined };
  const certificate = await waitForCertificate(client, id, progress);
  await asAnswer(client, (bytes) => checkCertificate(bytes, text, files, job.signatures), certificate);
  await writeNew(job.out, certificate);
  return { ...done, certificate: job.out };
}

interface Described {
  readonly mediaType: string;
  readonly name: string;
  readonly sha256: string;
  readonly size: number;
  readonly sm3: string;
}

/** The digests go before the files: what comes through otherwise is refused. Files are read while they are sent. */
async function formOf(
  evidence: JsonObject,
  described: readonly Described[],
  paths: readonly string[],
): Promise<FormData> {
  const form = new FormData();
  const files = described.map(({ name, sha256, size, sm3 }) => ({ name, sha256, size, sm3 }));
  form.append('evidence', JSON.stringify({ ...evidence, files }));
  for (const [i, path] of paths.entries()) {
    const { mediaType, name } = described[i]!;
    form.append('file', await openAsBlob(userPath(path), { type: mediaType }), name);
  }
  return form;
}

/** The manifest says what was said, of these files, under the signature that was made. */
function depositIn(
  answer: ServiceAnswer,
  said: JsonObject,
  described: readonly Described[],
  statement: { readonly statement: JsonObject } | undefined,
) {
  const { read, value, text } = manifestIn(answer);
  checkSaid(said, value['evidence'] ?? null, 'manifest.evidence');
  checkSaid(described as unknown as JsonObject[], value['files'] ?? null, 'manifest.files');
  checkSaid(statement?.statement ?? null, value['statement'] ?? null, 'manifest.statement');
  return { id: read.id, receivedAt: read.receivedAt, text };
}
