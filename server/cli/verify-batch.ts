import process from 'node:process';
import type { OpenArchive } from '../core/container/open.ts';
import { FormatError } from '../core/reason.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { totalsText } from '../documents/tables/checked.ts';
import { AS_LINES, AS_TABLE, type Form } from '../documents/tables/written.ts';
import { type ItemLine, presentItem, type TotalsLine, tally } from '../messages/checked.ts';
import { bothLanguages } from '../messages/sentence.ts';
import { checkMany, NO_LIMITS } from '../pipeline/check-many.ts';
import { checkAddress, confirmationsGiven, createBlockLookUp } from './block-sources.ts';
import { escapedJson } from './escaped-json.ts';
import { hintsOfHeaders } from './hints.ts';
import { type Many, openMany } from './many-sources.ts';
import { isThere, writeNew } from './new-file.ts';
import { unreadable } from './read-small.ts';
import { readTrusts } from './trust.ts';
import { EXIT, parse, printable, UsageError } from './usage.ts';

/** Checks many certificates with nothing but what is on this machine; only --rpc asks anybody anything. */
export async function verifyBatchCommand(
  args: readonly string[],
  signatures: SignatureVerifier,
  openArchive: OpenArchive,
): Promise<number> {
  const { values, positionals } = parse(args, {
    trust: { type: 'string', multiple: true },
    rpc: { type: 'string' },
    confirmations: { type: 'string' },
    csv: { type: 'string' },
    json: { type: 'boolean' },
  });
  const [path, ...others] = positionals;
  if (path === undefined || others.length > 0)
    throw new UsageError(
      '应给出一个压缩包、文件夹或 .ndjson 文件 / give one archive, folder or .ndjson file',
    );
  if (values.csv !== undefined && isThere(values.csv))
    throw new UsageError(`--csv ${values.csv} 已存在 / is there already`);
  if (values.rpc !== undefined) checkAddress(values.rpc);
  const { trust, headers } = await readTrusts(values.trust ?? [], signatures);
  const blocks = createBlockLookUp(headers, values.rpc, confirmationsGiven(values.confirmations));
  const many = await opened(path, openArchive);
  const show = values.json ? jsonShown : textShown;
  const table = values.csv === undefined ? undefined : tableOf(AS_TABLE);
  try {
    const counts = tally();
    for await (const result of checkMany(many.items, {
      trust,
      blocks: blocks.of,
      signatures,
      limits: NO_LIMITS,
    })) {
      const line = presentItem(result);
      counts.add(line);
      table?.item(line);
      await write(show.item(line));
    }
    const totals = counts.totals(many.beside);
    await write(show.totals(totals));
    if (values.csv !== undefined) await writeNew(values.csv, table!.text(totals));
    tellHints(headers, blocks.trouble());
    return exitOf(totals);
  } finally {
    await many.close();
  }
}

async function opened(path: string, openArchive: OpenArchive): Promise<Many> {
  try {
    return await openMany(path, openArchive);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (!(error instanceof FormatError)) throw unreadable(path, error);
    const { zh, en } = bothLanguages('reason', error.code, error.detail);
    throw new UsageError(`${path}: ${zh} / ${en}`);
  }
}

/** Rows are kept until all are there: a table that is not whole is not left behind. */
function tableOf({ begin, item, totals }: Form) {
  const rows = [begin];
  return {
    item: (line: ItemLine): void => void rows.push(item(line)),
    text: (line: TotalsLine): string => rows.join('') + totals(line),
  };
}

/** Waits where whoever reads our output is slower than we are. */
const write = (text: string): Promise<void> =>
  new Promise((done, fail) => process.stdout.write(text, (error) => (error ? fail(error) : done())));

type Shown = Pick<Form, 'item' | 'totals'>;

const jsonShown: Shown = {
  item: (line) => escapedJson(AS_LINES.item(line)),
  totals: (line) => escapedJson(AS_LINES.totals(line)),
};

const SIGN: Readonly<Record<string, string>> = { valid: '✓', invalid: '✗', incomplete: '?' };

/** A line an item, and below it what failed or is open. */
const textShown: Shown = {
  item: (line) => {
    const { item, name, verdict, verdictText, number, sameAs, testChainText } = line;
    const told = [
      `${SIGN[verdict ?? ''] ?? '-'} ${item} ${printable(name)}: ${verdictText.zh} ${verdictText.en}`,
      ...(number === null ? [] : [number]),
      ...(verdict === 'valid' && testChainText ? [`${testChainText.zh} ${testChainText.en}`] : []),
      ...(sameAs === null ? [] : [`与第 ${sameAs} 项相同 same as item ${sameAs}`]),
    ];
    return `${[told.join('，'), ...whyOf(line)].join('\n')}\n`;
  },
  totals: (totals) => `\n${printable(totalsText(totals, 'zh'))}\n${printable(totalsText(totals, 'en'))}\n`,
};

function whyOf({ verdict, problem, checks }: ItemLine): readonly string[] {
  if (problem !== undefined) return [`    ${printable(problem.zh)} / ${printable(problem.en)}`];
  if (verdict === 'valid') return [];
  return checks
    .filter(({ status }) => status === 'failed' || status === 'unknown')
    .map(
      ({ id, name, reason: { zh, en } }) =>
        `    ${id} ${name.zh} ${name.en}: ${printable(zh)} / ${printable(en)}`,
    );
}

/** Beside the results, where programs do not look for them. */
function tellHints(
  headers: Parameters<typeof hintsOfHeaders>[0],
  trouble: ReturnType<ReturnType<typeof createBlockLookUp>['trouble']>,
): void {
  const hints = [
    ...hintsOfHeaders(headers),
    ...(trouble ? [bothLanguages('hint', trouble.code, { source: trouble.source, why: trouble.why })] : []),
  ];
  for (const { zh, en } of hints) process.stderr.write(`提示 hint: ${printable(zh)} / ${printable(en)}\n`);
}

function exitOf({ invalid, incomplete, refused }: TotalsLine): number {
  if (invalid > 0) return EXIT.invalid;
  return incomplete + refused > 0 ? EXIT.incomplete : EXIT.valid;
}
