import type { Pdf } from '../core/container/pdf.ts';
import { sha256 as sha256Of } from '../core/hash/sha256.ts';
import { toHex } from '../core/read/bytes.ts';
import { FormatError, type ReasonDetail } from '../core/reason.ts';
import type { GivenFile } from '../core/verify/files.ts';
import type { Report } from '../core/verify/report.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import type { Trust } from '../core/verify/trust.ts';
import { verifyCertificate } from '../core/verify/verify.ts';
import type { BlockLookUp } from './compare.ts';

/*
 * One certificate or many, checked by the same call: for whoever asks by HTTP, at the command line, or from within. Items
 * come one at a time and each is let go before the next, so that a thousand take the memory of one.
 */

/** What checks may cost somebody who works for strangers. */
export interface CheckLimits {
  /** of one certificate: the fullest of a service asks for a dozen signatures, with renewals for some more */
  readonly signatures: number;
  /** of all in one call: a thousand of the fullest, twice */
  readonly signaturesOfAll: number;
  /** of all certificates together: a thousand of three times the usual size; what is made to be read slowly takes 0.2 s per MiB */
  readonly bytesOfAll: number;
}

export const SERVICE_LIMITS: CheckLimits = {
  signatures: 1_000,
  signaturesOfAll: 25_000,
  bytesOfAll: 32 * 1024 * 1024,
};

/** On a machine of one's own. */
export const NO_LIMITS: CheckLimits = {
  signatures: Number.POSITIVE_INFINITY,
  signaturesOfAll: Number.POSITIVE_INFINITY,
  bytesOfAll: Number.POSITIVE_INFINITY,
};

/** A document is searched and hashed and not read: its bytes cost less. */
const PDF_SHARE = 16;

export const costInBytes = (certificateBytes: number, pdfBytes: number): number =>
  certificateBytes + pdfBytes / PDF_SHARE;

export const ITEM_CODES = [
  'verification-too-costly',
  'call-too-costly',
  'package-within',
  'line-too-long',
  'line-member-wrong',
] as const;
export type ItemCode = (typeof ITEM_CODES)[number];

/** What cannot be looked at, or is not looked at any longer, is not called invalid. */
export class ItemRefused extends Error {
  readonly code: ItemCode;
  readonly detail: ReasonDetail;

  constructor(code: ItemCode, detail: ReasonDetail = {}) {
    super(`${code} ${JSON.stringify(detail)}`);
    this.name = 'ItemRefused';
    this.code = code;
    this.detail = detail;
  }
}

/** A certificate as somebody handed it in, with the files that go with it. */
export interface Given {
  readonly certificate: Uint8Array;
  readonly pdf?: Pdf | undefined;
  readonly files: readonly GivenFile[];
  readonly renewals?: readonly Uint8Array[];
}

export interface CheckDeps {
  readonly trust: Trust | undefined;
  /** What sources of the reader's own choice say of the blocks that a certificate stands on. */
  readonly blocks: BlockLookUp;
  readonly signatures: SignatureVerifier;
  readonly limits: CheckLimits;
}

/** Throws ItemRefused where it is made to cost more than any certificate does. */
export async function checkOne(given: Given, deps: CheckDeps): Promise<Report> {
  return verifyCertificate({
    ...given,
    trust: deps.trust,
    blocks: await deps.blocks(given.certificate),
    signatures: atMost(deps.limits.signatures, deps.signatures, () => {
      throw new ItemRefused('verification-too-costly', { limit: deps.limits.signatures });
    }),
  });
}

/** Whoever wants to know all the same checks it himself. */
function atMost(limit: number, { verify }: SignatureVerifier, refuse: () => never): SignatureVerifier {
  let asked = 0;
  return {
    verify(request) {
      if (++asked > limit) refuse();
      return verify(request);
    },
  };
}

/** One of many, not read yet. */
export interface Item {
  readonly name: string;
  /** Throws FormatError or ItemRefused where there is nothing in it to check. */
  read(): Promise<Given>;
}

interface Place {
  /** from 1, in the order in which they came */
  readonly item: number;
  readonly name: string;
}

export interface Checked extends Place {
  readonly report: Report;
  /** of the certificate's exact bytes, hex */
  readonly sha256: string;
  /** the first item that held the very same certificate */
  readonly sameAs: number | undefined;
}

/** `subject`: where in messages/ the sentence of its code stands. */
export interface NotChecked extends Place {
  readonly refused: {
    readonly subject: 'reason' | 'item';
    readonly code: string;
    readonly detail: ReasonDetail;
  };
}

export type ItemResult = Checked | NotChecked;

/**
 * Each in its turn; what is wrong with one of them touches no other. Whoever stops asking stops the work. What is no
 * fault of an item is thrown: trouble with a disk, or a caller who went away.
 */
export async function* checkMany(
  items: Iterable<Item> | AsyncIterable<Item>,
  deps: CheckDeps,
): AsyncGenerator<ItemResult> {
  const purse = createPurse(deps);
  const seen = new Map<string, number>();
  let count = 0;
  for await (const { name, read } of items) {
    const item = ++count;
    try {
      const given = await purse.pay(read);
      const sha256 = toHex(sha256Of(given.certificate));
      const report = await checkOne(given, { ...deps, signatures: purse.signatures });
      const sameAs = seen.get(sha256);
      if (sameAs === undefined) seen.set(sha256, item);
      yield { item, name, report, sha256, sameAs };
    } catch (error) {
      yield { item, name, refused: refusalOf(error) };
    }
  }
}

/** What all together have cost; when it is spent nothing is read any more. */
function createPurse({ limits, signatures }: CheckDeps) {
  let bytes = 0;
  let isSpent = false;
  const refuse = (): never => {
    isSpent = true;
    throw new ItemRefused('call-too-costly');
  };
  return {
    async pay(read: Item['read']): Promise<Given> {
      if (isSpent) refuse();
      const given = await read();
      bytes += costInBytes(given.certificate.length, given.pdf?.bytes.length ?? 0);
      if (bytes > limits.bytesOfAll) refuse();
      return given;
    },
    signatures: atMost(limits.signaturesOfAll, signatures, refuse),
  };
}

function refusalOf(error: unknown): NotChecked['refused'] {
  if (error instanceof FormatError) return { subject: 'reason', code: error.code, detail: error.detail };
  if (error instanceof ItemRefused) return { subject: 'item', code: error.code, detail: error.detail };
  throw error;
}
