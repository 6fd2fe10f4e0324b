import { parseCertificate } from '../core/certificate/certificate.ts';
import { utf8 } from '../core/read/bytes.ts';
import { canonicalize, parseJson } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';
import type { GivenFile } from '../core/verify/files.ts';
import type { CheckedHeaders } from '../core/verify/headers.ts';
import type { Report } from '../core/verify/report.ts';
import { bothLanguages, sentence } from '../messages/sentence.ts';

/** What may lie behind a check that did not pass. It helps a person on and decides nothing. */
export interface Hint {
  /** the check that it is about */
  readonly check: string;
  readonly code: string;
  readonly zh: string;
  readonly en: string;
}

/** Why a source said nothing of use; `code` has its sentence in messages/ (subject `hint`). */
interface Trouble {
  readonly code: string;
  readonly source: string;
  readonly why: string;
}

export const hintsFor = (
  report: Report,
  certificate: Uint8Array,
  files: readonly GivenFile[],
  trouble: Trouble | undefined,
): readonly Hint[] => [
  ...(report.facts === undefined && isRewritten(certificate) ? [hint('format', 'rewritten-by-editor')] : []),
  ...(isOfFolder(report) ? [hint('files', 'folder-without-file')] : []),
  ...files.flatMap((file) => otherContent(report, file) ?? []),
  ...(trouble ? [hint('block', trouble.code, { source: trouble.source, why: trouble.why })] : []),
];

const hint = (check: string, code: string, detail: Readonly<Record<string, string>> = {}): Hint => ({
  check,
  code,
  ...bothLanguages('hint', code, detail),
});

/** Of a folder as a whole, which lists no files: of one file it says nothing. */
const isOfFolder = ({ facts }: Report): boolean =>
  facts?.what !== undefined && facts.what.folder !== null && facts.what.files.length === 0;

/** Names match nothing (digests do), but whoever hands in a damaged copy wants to know which file it was. */
function otherContent({ facts }: Report, { name, sha256 }: GivenFile): Hint | undefined {
  const listed = facts?.what?.files ?? [];
  if (name === undefined || listed.some((file) => file.sha256 === sha256)) return undefined;
  const namesakes = listed.filter((file) => file.name.normalize() === name.normalize());
  if (namesakes.length === 0) return undefined;
  const expected = namesakes.map((file) => file.sha256).join(', ');
  return hint('files', 'same-name-other-content', { name, expected, actual: sha256 });
}

/** An editor that saves puts a mark before the first character, or a line end behind the last. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/** Refused only because its bytes are not the canonical ones: what it says would be a certificate. */
function isRewritten(bytes: Uint8Array): boolean {
  const marked = BYTE_ORDER_MARK.every((byte, i) => bytes[i] === byte);
  try {
    parseCertificate(utf8(canonicalize(parseJson(marked ? bytes.subarray(3) : bytes))));
    return true;
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

/** Whose a list of block headers is, and since when it is known to be there: the reader chose to believe its hashes. */
export const hintsOfHeaders = (
  given: readonly { readonly path: string; readonly found: CheckedHeaders }[],
): readonly Hint[] =>
  given.flatMap(({ path: source, found: { headers, checks, tokens } }) => [
    hint('block', 'headers-read', { source, name: headers.name, count: String(headers.blocks.length) }),
    ...checks
      .filter(({ id, status }) => id === 'issuer' || id === 'authority' || status === 'failed')
      .map(({ id, at, status, reason: { code, detail } }): Hint => {
        const time = tokens.find((token) => token.at === at)?.genTime ?? headers.issuedAt;
        const said = (language: 'zh' | 'en') =>
          [
            `${source}${at === undefined ? '' : ` ${at}`}`,
            sentence(language, 'check', id),
            sentence(language, 'status', status),
            sentence(language, 'reason', code, detail),
            time,
          ].join(language === 'zh' ? '，' : ', ');
        return { check: 'block', code, zh: said('zh'), en: said('en') };
      }),
  ]);
