import { decodeBase64, encodeBase64 } from '../read/base64.ts';
import { hexText, instant, members, nullable, oneOf, text, uint, uuid } from '../read/fields.ts';
import { canonicalize, parseCanonical, quote } from '../read/json.ts';

/*
 * kezheng-folder-index/1, FORMAT-MORE.md: what a depositor keeps of a folder. Lines of canonical JSON, each with a line
 * end; the entries of the tree are its lines 2 and following, so that anybody rebuilds the tree with a hash alone.
 */

export const INDEX_FORMAT = 'kezheng-folder-index/1';
const LEFT_OUT_FORMAT = 'kezheng-left-out/1';
export const END_FORMAT = 'kezheng-folder-end/1';
export const REQUEST_FORMAT = 'kezheng-folder-request/1';
export const RECEIPT_FORMAT = 'kezheng-folder-receipt/1';

/** The first line. */
export const headText = (folder: string): string => `{"folder":${quote(folder)},"format":"${INDEX_FORMAT}"}`;

/** What was found in the folder and is not in its tree, behind the entries. */
export interface LeftOutLine {
  readonly bytes: string | null;
  readonly code: string | null;
  /** a folder, in which nobody looked */
  readonly folder: boolean;
  readonly name: string;
  readonly why: string;
}

export const leftOutText = ({ bytes, code, folder, name, why }: LeftOutLine): string =>
  canonicalize({ bytes, code, folder, format: LEFT_OUT_FORMAT, name, why });

/** Behind what was left out: nothing of the tree comes after it. */
export interface EndLine {
  readonly leftOut: number;
  readonly root: string;
  readonly size: number;
}

export const endText = ({ leftOut, root, size }: EndLine): string =>
  canonicalize({ format: END_FORMAT, leftOut, root, size });

/** What was about to be sent to a service, for the case that its answer is lost. */
export interface RequestLine {
  /** of POST /v1/evidence */
  readonly body: string;
  readonly sentAt: string;
}

export const requestText = ({ body, sentAt }: RequestLine): string =>
  canonicalize({ body, format: REQUEST_FORMAT, sentAt });

/** What the service answered: manifest and, where there is one, its token, both as they came. */
export interface ReceiptLine {
  readonly id: string;
  readonly manifest: string;
  /** a TimeStampResp of RFC 3161 over the SHA-256 of the manifest */
  readonly reply: Uint8Array | null;
  readonly url: string;
}

export const receiptText = ({ id, manifest, reply, url }: ReceiptLine): string =>
  canonicalize({
    format: RECEIPT_FORMAT,
    id,
    manifest,
    reply: reply && encodeBase64(reply),
    url,
  });

/** Throw FormatError: the line is not what it has to be. */
export const readHead = (line: Uint8Array): { readonly folder: string } => {
  const get = members(parseCanonical(line), 'index', ['folder', 'format']);
  get('format', oneOf(INDEX_FORMAT));
  return { folder: get('folder', text) };
};

export const readEnd = (line: Uint8Array): EndLine => {
  const get = members(parseCanonical(line), 'end', ['format', 'leftOut', 'root', 'size']);
  get('format', oneOf(END_FORMAT));
  return { leftOut: get('leftOut', uint), root: get('root', hexText(32)), size: get('size', uint) };
};

export const readRequest = (line: Uint8Array): RequestLine => {
  const get = members(parseCanonical(line), 'request', ['body', 'format', 'sentAt']);
  get('format', oneOf(REQUEST_FORMAT));
  return { body: get('body', text), sentAt: get('sentAt', instant) };
};

export const readReceipt = (line: Uint8Array): ReceiptLine => {
  const get = members(parseCanonical(line), 'receipt', ['format', 'id', 'manifest', 'reply', 'url']);
  get('format', oneOf(RECEIPT_FORMAT));
  return {
    id: get('id', uuid),
    manifest: get('manifest', text),
    reply: get(
      'reply',
      nullable((value, at) => decodeBase64(text(value, at))),
    ),
    url: get('url', text),
  };
};
