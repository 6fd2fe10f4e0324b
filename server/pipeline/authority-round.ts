import { createHash } from 'node:crypto';
import { tokenEntryText } from '../core/entry/token-entry.ts';
import { rootDocument } from '../core/token/root-document.ts';
import { journalEntry } from '../journal/entry.ts';
import { newId, randomBytesHex } from '../journal/ids.ts';
import { ensureOwn } from '../journal/own.ts';
import type { Logger } from '../ports/logger.ts';
import {
  type Anchor,
  type JournalEntry,
  type NewBatchToken,
  OPERATOR_ID,
  type Store,
} from '../ports/store.ts';
import { type Asked, NONCE_BYTES, type Obtained, obtainToken, type TokenDeps } from './authority-token.ts';

/*
 * What one authority is asked for: the oldest batch that it has not stamped, and so on. A token, and the entry that
 * holds its digest, are kept in one transaction. A crash before it leaves a batch that is asked for again, and a token
 * that nobody knows; the transaction itself takes no second token for the same batch and address.
 */

type RoundStore = Pick<
  Store,
  | 'batch'
  | 'anchorsOfBatch'
  | 'holdsOthers'
  | 'passBatch'
  | 'keepBatchToken'
  | 'organization'
  | 'addOrganization'
>;

export interface RoundDeps extends Omit<TokenDeps, 'nonce'> {
  readonly store: RoundStore;
  /** what the operator is called */
  readonly operator: string;
  readonly log: Logger;
  readonly random?: () => Uint8Array;
}

export interface Authority extends Asked {
  readonly label: string;
}

/**
 * Lists and answers about revocation that cannot be had are waited for so many times; then tokens are kept without, as
 * a time that comes late is worth less.
 */
export const REVOCATION_TRIES = 3;

/** What is remembered of one authority from token to token. */
export interface Memory {
  /** in a row, tokens for which nothing was learnt about revocation */
  unanswered: number;
}

/** The token is good, and what its issuers say of the certificates is not to be had now. */
export class RevocationAway extends Error {
  override readonly cause: Error & { readonly code: string };
  constructor(cause: Error & { readonly code: string }) {
    super(cause.message, { cause });
    this.name = 'RevocationAway';
    this.cause = cause;
  }
}

export type Step = 'kept' | 'passed' | 'waiting';

/** Asks for this batch's token. `waiting`: there is no such batch yet, or it has no place in a log. */
export async function stampBatch(
  deps: RoundDeps,
  authority: Authority,
  memory: Memory,
  number: number,
  signal: AbortSignal,
): Promise<Step> {
  const { store } = deps;
  const batch = await store.batch(number);
  if (batch === undefined) return 'waiting';
  // Nothing but digests of tokens: a token over it would make an entry, and that another batch, and so on for ever.
  if (!(await store.holdsOthers(batch, OPERATOR_ID))) {
    await store.passBatch(authority.url, number);
    return 'passed';
  }
  const anchor = anchorToName(await store.anchorsOfBatch(number));
  if (anchor === undefined) return 'waiting';
  const log = placeOf(anchor);
  const document = rootDocument({ ...log, root: batch.root, size: batch.size });
  const obtained = await obtainToken(
    { ...deps, nonce: deps.random ?? randomNonce },
    authority,
    document,
    signal,
  );
  checkAnswered(deps, authority, memory, obtained);
  const { token, evidence } = obtained;
  const receivedMs = deps.clock.nowMs();
  await ensureOwn(store, OPERATOR_ID, deps.operator, receivedMs);
  const { url, label } = authority;
  const given: NewBatchToken = { batch: number, url, label, log, token, evidence, receivedMs };
  const isKept = await store.keepBatchToken(given, entryFor(given));
  if (isKept) deps.log.info({ batch: number, authority: label }, 'batch stamped');
  return isKept ? 'kept' : 'passed';
}

const randomNonce = (): Uint8Array => Buffer.from(randomBytesHex(NONCE_BYTES), 'hex');

/**
 * A batch keeps its index in a log whatever reorganisations do, so that what was stamped stays true. Where it stands in
 * several logs: the one that has it for good, else the one that was joined last, which is in use.
 */
const anchorToName = (anchors: readonly Anchor[]): Anchor | undefined =>
  anchors.find(({ state }) => state === 'final') ?? anchors.at(-1);

const placeOf = ({ log: { chainId, contract, operator }, index }: Anchor) => ({
  chainId,
  contract,
  operator,
  index,
});

function checkAnswered(
  { log }: RoundDeps,
  { label }: Authority,
  memory: Memory,
  { unanswered }: Obtained,
): void {
  const [first] = unanswered;
  if (first === undefined) {
    memory.unanswered = 0;
    return;
  }
  memory.unanswered++;
  if (memory.unanswered < REVOCATION_TRIES) throw new RevocationAway(first);
  if (memory.unanswered === REVOCATION_TRIES)
    log.warn({ err: first, authority: label }, 'tokens are kept without answers about revocation');
}

function entryFor({ label, batch, token, receivedMs }: NewBatchToken): JournalEntry {
  const sha256 = createHash('sha256').update(token).digest('hex');
  const entry = tokenEntryText({ authority: label, batch, salt: randomBytesHex(16), sha256 });
  const id = newId(receivedMs);
  return journalEntry({ id, organization: OPERATOR_ID, receivedMs, entry, fileDigests: [] });
}
