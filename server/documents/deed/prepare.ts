import { sha256 } from '../../core/hash/sha256.ts';
import { MAX_CMS_OVERHEAD, signedAttributes } from '../../core/read/encode-cms.ts';
import { MAX_TOKEN_BYTES } from '../../core/token/read.ts';
import type { Attachment } from '../pdf/embed.ts';
import type { DeedJob, Unsigned } from '../pdf/program.ts';
import { type Ranged, ranged, signedBytes } from '../pdf/seal.ts';
import { checkDeed, type DeedContent } from './content.ts';
import { DeedProblem } from './problem.ts';

/*
 * A deed drawn and whole but for its signature: its hash goes out to whoever holds the office's key, and a CMS comes back
 * (seal.ts), at once or days later. Between the two no byte may change; whoever keeps it keeps it as it is.
 */

/** Four certificates of some 4 KiB beside the rest: more than a chain of RSA-8192 needs. */
export const MAX_DEED_CMS_BYTES = MAX_CMS_OVERHEAD + 4 * 4_096;

export interface DeedRequest {
  readonly content: DeedContent;
  /** certificates of the items of the annex, by their numbers: exact bytes */
  readonly certificates: ReadonlyMap<string, Uint8Array>;
  /** DER of the office's certificate with whose key the deed is going to be signed */
  readonly signer: Uint8Array;
  /** the moment that the signature will claim, Unix milliseconds */
  readonly signedMs: number;
  /** draws it, on another thread */
  readonly render: (job: DeedJob) => Promise<Unsigned>;
}

export interface PreparedDeed extends Ranged {
  /** SHA-256 of all bytes but the place of the signature */
  readonly digest: Uint8Array;
  /** DER of the SET of signed attributes: what a device signs that does not make them itself */
  readonly signedAttributes: Uint8Array;
}

/** Throws DeedProblem where the content cannot be printed or must not be. */
export async function prepareDeed(request: DeedRequest): Promise<PreparedDeed> {
  const { content, certificates, signer, signedMs, render } = request;
  checkDeed(content);
  const unsigned = await render({
    deed: content,
    attachments: attachmentsOf(content, certificates),
    cmsBytes: MAX_DEED_CMS_BYTES + MAX_TOKEN_BYTES,
    signedMs,
  });
  const document = ranged(unsigned);
  const digest = sha256(signedBytes(document));
  return { ...document, digest, signedAttributes: signedAttributes(digest, signer) };
}

/** In the order of the annex; one that the annex does not name has no place in the deed. */
function attachmentsOf({ annex }: DeedContent, certificates: DeedRequest['certificates']): Attachment[] {
  const listed = annex.flatMap(({ certificate }) => certificate ?? []);
  for (const number of certificates.keys())
    if (!listed.includes(number)) throw new DeedProblem('deed-attachment-surplus', { number });
  return listed.flatMap((number): Attachment[] => {
    const bytes = certificates.get(number);
    const name = `certificate-${number}.json`;
    return bytes === undefined ? [] : [{ name, mediaType: 'application/json', kind: 'annex', bytes }];
  });
}
