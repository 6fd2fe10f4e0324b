import { basename, dirname, join } from 'node:path';
import process from 'node:process';
import { MAX_REVOCATION, type Revocation } from '../core/certificate/tokens.ts';
import { sha512 } from '../core/hash/sha512.ts';
import { equalBytes } from '../core/read/bytes.ts';
import { type Certificate, parseCertificate } from '../core/read/x509.ts';
import { FormatError } from '../core/reason.ts';
import { MAX_RENEWAL_BYTES, parseRenewal, planRenewal } from '../core/renewal/renewal.ts';
import type { Trust } from '../core/verify/trust.ts';
import { sentence } from '../messages/sentence.ts';
import type { OutsideAuthority } from '../ports/tsp.ts';
import { isThere, writeNew } from './new-file.ts';
import { readSmall } from './read-small.ts';
import { type Checking, type Item, readAll } from './renewables.ts';
import { askRevocation, askStamp, type Outside, type OutsideStamp, whyNoStamp } from './stamp.ts';
import { readTrusts } from './trust.ts';
import { EXIT, parse, printable, UsageError, userPath } from './usage.ts';

/** `renew`: nothing was renewed; some were, and others not. */
const NOTHING = 1;
const SOME = 2;

const DAY_MS = 86_400_000;

/** All are held in memory until the token is there, some 20 KB each; more go with the next token. */
const MAX_FILES = 10_000;

export interface RenewTools extends Checking {
  /** Opened when somebody is to be asked. */
  outside(): Outside;
  /** Of the file of that name; what is wrong with it is a UsageError. */
  authorities(path: string): Promise<readonly OutsideAuthority[]>;
}

/** Wraps certificates and renewals with one new token. Needs no service, and no permission of whoever issued them. */
export async function renewCommand(args: readonly string[], tools: RenewTools): Promise<number> {
  const { values, positionals } = parse(args, {
    tsa: { type: 'string' },
    trust: { type: 'string', multiple: true },
    out: { type: 'string' },
    within: { type: 'string' },
  });
  if (positionals.length === 0) throw new UsageError('缺少要续期的文件 / the files to renew are missing');
  if (positionals.length > MAX_FILES)
    throw new UsageError(`一次最多 ${MAX_FILES} 个文件 / at most ${MAX_FILES} files at a time`);
  if (values.tsa === undefined) throw new UsageError('缺少 --tsa / --tsa is missing');
  const withinMs = values.within === undefined ? undefined : daysOf(values.within);
  const { trust } = await readTrusts(values.trust ?? [], tools.signatures);
  const whom = await authoritiesOf(values.tsa, trust, tools);
  const paths = await placesFor([...new Set(positionals)], values.out, withinMs !== undefined);
  const found = await readAll(paths, whom.trust, tools);
  const due = found.items.filter(
    (item) => withinMs === undefined || item.goodUntilMs < tools.nowMs() + withinMs,
  );
  if (due.length === 0) {
    if (found.refused === 0)
      process.stdout.write(`${found.items.length} 个文件均未到期 / none of the files is due\n`);
    return found.refused === 0 ? EXIT.valid : NOTHING;
  }
  const outside = tools.outside();
  try {
    if (!(await renewAll(due, whom, outside, tools))) return NOTHING;
  } finally {
    outside.close();
  }
  return found.refused === 0 ? EXIT.valid : SOME;
}

function daysOf(text: string): number {
  if (!/^(?:0|[1-9][0-9]{0,4})$/.test(text)) throw new UsageError('--within 应为天数 / is a number of days');
  return Number(text) * DAY_MS;
}

/** Who is asked, in their order, and who is believed. */
interface Whom {
  readonly urls: readonly string[];
  readonly trust: Trust;
}

async function authoritiesOf(tsa: string, trust: Trust | undefined, tools: RenewTools): Promise<Whom> {
  if (/^https?:\/\//i.test(tsa)) {
    if (trust === undefined)
      throw new UsageError(
        '--tsa 为网址时须给出 --trust：其中须有该时间戳服务的根证书 / with an address --trust is needed, a list that knows the roots of that authority',
      );
    return { urls: [tsa], trust };
  }
  const listed = await tools.authorities(tsa);
  const authorities = listed.map(({ label, policies, roots }) => ({
    label,
    policies,
    roots: roots.map(parseCertificate),
  }));
  const {
    name,
    logs,
    issuers,
    authorities: known,
  } = trust ?? { name: tsa, logs: [], issuers: [], authorities: [] };
  return {
    urls: listed.map(({ url }) => url),
    trust: { name, logs, issuers, authorities: [...authorities, ...known] },
  };
}

/**
 * NAME.json becomes NAME.renewal.json, beside it or in the folder of --out. Where that is there already, nothing is done at
 * all; but whoever asks for what is due, again and again, means the renewal and not what it carries on.
 */
async function placesFor(paths: readonly string[], folder: string | undefined, onlyDue: boolean) {
  const places: { readonly path: string; readonly out: string }[] = [];
  const taken = new Set<string>();
  for (const path of paths) {
    const out = join(folder ?? dirname(path), `${basename(path).replace(/\.json$/i, '')}.renewal.json`);
    const place = userPath(out);
    const there = isThere(out);
    if (onlyDue && there && (await isRenewalOf(out, path))) continue;
    if (taken.has(place) || there) throw new UsageError(`${out} 已存在，${path} 未续期 / is there already`);
    taken.add(place);
    places.push({ path, out });
  }
  return places;
}

async function isRenewalOf(out: string, path: string): Promise<boolean> {
  try {
    const { sha512: digest } = parseRenewal(await readSmall(out, MAX_RENEWAL_BYTES + 1));
    return equalBytes(digest, sha512(await readSmall(path, MAX_RENEWAL_BYTES + 1)));
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}

/** Whether a token came and all was written. */
async function renewAll(
  items: readonly Item[],
  whom: Whom,
  outside: Outside,
  tools: RenewTools,
): Promise<boolean> {
  const plan = planRenewal(items);
  const stamp = await firstStamp(plan.root, whom, outside, tools);
  if (stamp === undefined) return false;
  const revocations: (readonly Revocation[])[] = [];
  const asked = new Map<string, readonly Revocation[]>();
  for (const { way } of items) revocations.push(await revocationOf(stamp, way, outside, asked));
  const renewals = plan.finish(stamp, revocations);
  for (const [i, { path, out, late }] of items.entries()) {
    await writeNew(out, renewals[i]!);
    process.stdout.write(`已写入 written: ${printable(out)}\n`);
    if (late)
      process.stdout.write(
        `  ${printable(path)}：其中有密钥的证书已到期，续期不能延续它们，只证明此文件现在存在 / certificates of keys in it have ended: the renewal does not carry them on, it shows that the file is there now\n`,
      );
  }
  process.stdout.write(stampText(stamp));
  return true;
}

/** The first that gives a good one; why others did not is told. */
async function firstStamp(
  digest: Uint8Array,
  { urls, trust }: Whom,
  outside: Outside,
  { signatures, nowMs }: RenewTools,
): Promise<OutsideStamp | undefined> {
  for (const url of urls) {
    try {
      return await askStamp(outside, { url, algorithm: 'sha512', digest, trust, signatures, nowMs });
    } catch (error) {
      process.stderr.write(`kezheng: ${printable(new URL(url).host)}：${whyNoStamp(error)}\n`);
    }
  }
  return undefined;
}

/**
 * About the new token, and about the one that it carries on, which nobody may be able to ask about when it matters.
 * Renewals that were made together rest on the same certificates: each is asked about once.
 */
async function revocationOf(
  stamp: OutsideStamp,
  way: readonly Certificate[],
  outside: Outside,
  asked: Map<string, readonly Revocation[]>,
): Promise<readonly Revocation[]> {
  const key = way.map(({ serial, issuer }) => `${serial} ${issuer.name}`).join();
  const before = asked.get(key) ?? (way.length === 0 ? [] : await askRevocation(outside, way));
  asked.set(key, before);
  return [...stamp.revocation, ...before].slice(0, MAX_REVOCATION);
}

function stampText({ checked: { info }, judged: { label, why }, revocation }: OutsideStamp): string {
  const [zh, en] = [
    sentence('zh', 'reason', why.code, why.detail),
    sentence('en', 'reason', why.code, why.detail),
  ];
  return [
    `时间戳 token: ${new Date(info.genTimeMs).toISOString()}, ${printable(label ?? '')}, ${info.policy}`,
    `  ${printable(`${zh} / ${en}`)}`,
    `  吊销信息 answers about revocation: ${revocation.length}`,
    '续期文件须与原文件一同保存；续期不改动原文件 / keep renewals together with the files that they renew, which stay as they are',
    '',
  ].join('\n');
}
