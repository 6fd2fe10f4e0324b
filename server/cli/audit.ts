import process from 'node:process';
import { NotReadable } from '../audit/chain.ts';
import { audit } from '../audit/outside.ts';
import type { ServiceRpc } from '../audit/service.ts';
import { auditTools } from './data.ts';
import { tellFindings } from './findings-text.ts';
import { readTrust } from './fsck.ts';
import { bounded, confirmationsOf, nodesOf, reasonOf } from './node.ts';
import { parse, UsageError } from './usage.ts';

/** How long a batch may take to the chain where nobody says otherwise: a day. */
const DEFAULT_MAX_AGE_S = 86_400;

/** Audits somebody's service from outside: with its address, a trust list and nodes of one's own. */
export async function auditCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    url: { type: 'string' },
    trust: { type: 'string' },
    rpc: { type: 'string' },
    confirmations: { type: 'string' },
    from: { type: 'string' },
    'max-age': { type: 'string' },
    json: { type: 'boolean' },
  });
  if (positionals.length > 0) throw new UsageError(`audit: ${positionals.join(' ')}`);
  const url = values.url ?? process.env['KEZHENG_URL'];
  if (url === undefined || !URL.canParse(url)) throw new UsageError('缺少 --url / --url is missing');
  if (values.trust === undefined) throw new UsageError('缺少 --trust / --trust is missing');
  const nodes = nodesOf(values.rpc);
  if (nodes.length === 0) throw new UsageError('缺少 --rpc / --rpc is missing');
  const report = tellFindings(values.json ?? false);
  await audit({
    service: serviceAt(url),
    trust: await readTrust(values.trust),
    nodes,
    confirmations: confirmationsOf(values.confirmations),
    contractCode: auditTools.contractCode(),
    from: wholeOf('--from', values.from, 1),
    maxAgeMs: 1_000 * wholeOf('--max-age', values['max-age'], DEFAULT_MAX_AGE_S),
    nowMs: () => Date.now(),
    report,
  });
  return report.end();
}

function wholeOf(option: string, given: string | undefined, fallback: number): number {
  const number = given === undefined ? fallback : Number(given);
  if (!(Number.isSafeInteger(number) && number > 0))
    throw new UsageError(`${option} 应为正整数 / is a whole number above 0`);
  return number;
}

const TIMEOUT_MS = 30_000;
/** Between two pieces of an answer; a batch of millions takes minutes in all. */
const SILENCE_MS = 30_000;
/** A batch with the history of many resent transactions. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024;

/** An answer that says "later" is asked for again, this often. */
const TRIES = 3;
const PAUSE_MS = 1_000;

export function serviceAt(url: string): ServiceRpc {
  const base = url.replace(/\/+$/, '');
  const name = new URL(url).host;
  const pathOf = (number: number) => `${base}/v1/batches/${number}`;
  return {
    name,
    batch: (number) =>
      patiently(name, `batches/${number}`, async () => {
        const { status, body } = await bounded(pathOf(number), {}, MAX_BATCH_BYTES, TIMEOUT_MS);
        return { status, value: body };
      }),
    leaves: (number) =>
      patiently(name, `batches/${number}/leaves`, async () => {
        const silence = new AbortController();
        const watch = setTimeout(() => silence.abort(), SILENCE_MS);
        const answer = await fetch(`${pathOf(number)}/leaves`, { signal: silence.signal, redirect: 'error' });
        watch.refresh();
        if (answer.status !== 200) {
          clearTimeout(watch);
          await answer.body?.cancel();
        }
        return { status: answer.status, value: watched(name, answer, watch) };
      }),
  };
}

async function patiently<T>(
  name: string,
  what: string,
  ask: () => Promise<{ readonly status: number; readonly value: T }>,
): Promise<T | undefined> {
  for (let tries = 1; ; tries++) {
    let problem: string;
    try {
      const { status, value } = await ask();
      if (status === 200) return value;
      if (status === 404) return undefined;
      problem = `HTTP ${status}`;
    } catch (error) {
      problem = reasonOf(error);
    }
    if (tries === TRIES) throw new NotReadable(`${name}: ${what}: ${problem}`);
    await new Promise((resolve) => setTimeout(resolve, tries * PAUSE_MS));
  }
}

/** The body; each piece that comes puts off the end. */
async function* watched(name: string, answer: Response, watch: NodeJS.Timeout): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of answer.body ?? []) {
      watch.refresh();
      yield chunk;
    }
  } catch (error) {
    throw new NotReadable(`${name}: leaves: ${reasonOf(error)}`, error);
  } finally {
    clearTimeout(watch);
  }
}
