import { hash } from 'node:crypto';
import { mkdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { glanceAtEntry } from '../core/entry/file-entry.ts';
import { cutCertificate } from '../core/folder/cut.ts';
import { toHex } from '../core/read/bytes.ts';
import { FormatError } from '../core/reason.ts';
import { climbTree } from '../core/tree/climb.ts';
import type { HashNodeInto } from '../core/tree/tree.ts';
import { bothLanguages } from '../messages/sentence.ts';
import { eachEntry, IndexDamaged, readFolderName, readTail } from './folder-index.ts';
import { hashFile } from './hash-file.ts';
import { isThere, writeNew } from './new-file.ts';
import { EXIT, parse, printable, UsageError, userPath } from './usage.ts';

/**
 * kezheng cut INDEX FILE... [--out DIR]: certificates of single files of a folder, out of its index alone. FILE is a name
 * in the folder, or a file of any place whose content is in it.
 */
export async function cutCommand(args: readonly string[], hashNodeInto: HashNodeInto): Promise<number> {
  const { values, positionals } = parse(args, { out: { type: 'string' } });
  const [index, ...given] = positionals;
  if (index === undefined || given.length === 0) throw new UsageError('cut INDEX FILE... [--out DIR]');
  const path = userPath(index);
  const tail = await readTail(path);
  if (tail === undefined) throw new UsageError(`没有找到 ${index} / not found`);
  if (tail.certificate === undefined)
    throw new UsageError(
      '索引中尚无文件夹的证书，请再次运行 kezheng deposit / the certificate of the folder is not in the index yet; run kezheng deposit again',
    );
  const folder = await readFolderName(path);
  const wanted: Wanted[] = [];
  for (const one of given) wanted.push(await askFor(one, folder));
  const { found, root, size } = await lookUp(path, wanted, hashNodeInto);
  if (size !== tail.end.size || root !== tail.end.root)
    throw new IndexDamaged(
      index,
      '条目与树根不符，请用备份的索引',
      'its entries do not lead to its root; take a copy of it',
    );
  return writeAll(tail.certificate, wanted, found, userPath(values.out ?? '.'));
}

/** One that was asked for. */
interface Wanted {
  readonly given: string;
  /** names in the folder that may be meant, as JSON writes them */
  readonly names: readonly string[];
  /** of the file that is there now; undefined where there is none */
  readonly sha256: string | undefined;
}

async function askFor(given: string, folder: string): Promise<Wanted> {
  const isFile = statSync(userPath(given), { throwIfNoEntry: false })?.isFile() ?? false;
  const plain = given.replace(/^(?:\.\/)+/, '');
  // A path that leads through the folder: what stands behind its name.
  const inside = `/${plain}`.split(`/${folder}/`).slice(1);
  const names = [plain, inside.join(`/${folder}/`), inside.at(-1) ?? ''].map((name) => JSON.stringify(name));
  return { given, names, sha256: isFile ? (await hashFile(given)).sha256 : undefined };
}

interface Found {
  readonly name: string;
  readonly sha256: string;
  readonly entry: Uint8Array;
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
}

async function lookUp(index: string, wanted: readonly Wanted[], hashNodeInto: HashNodeInto) {
  const names = new Set(wanted.flatMap((one) => one.names));
  // A folder may have the same content a million times: the first of them, and the first of the same name, are enough.
  const digests = new Set(wanted.flatMap(({ sha256 }) => sha256 ?? []));
  const unmet = new Set(digests);
  const namesakes = new Set(wanted.flatMap(({ given, sha256 }) => (sha256 ? sha256 + basename(given) : [])));
  const tree = climbTree(hashNodeInto);
  const met: Omit<Found, 'hashes' | 'index'>[] = [];
  await eachEntry(index, (preimage) => {
    const entry = preimage.subarray(1);
    const { name = '', sha256 = '' } = glanceAtEntry(entry.toString('utf8')) ?? {};
    const isNamesake = digests.has(sha256) && namesakes.delete(sha256 + basename(textOf(name)));
    const isFirst = unmet.delete(sha256);
    const isWanted = names.has(name) || isNamesake || isFirst;
    if (isWanted) met.push({ name: textOf(name), sha256, entry: new Uint8Array(entry) });
    tree.add(hash('sha256', preimage, 'buffer'), isWanted);
  });
  if (tree.size === 0) throw new IndexDamaged(index, '没有条目', 'it has no entries');
  const size = tree.size;
  const { root, ways } = tree.end();
  return { root: toHex(root), size, found: met.map((one, i): Found => ({ ...one, ...ways[i]! })) };
}

/** The name that JSON writes so; of a damaged line none, which its tree will show. */
function textOf(json: string): string {
  try {
    return String(JSON.parse(json));
  } catch {
    return '';
  }
}

/**
 * A file that is there counts by what is in it; of several with that content, that of its own name comes first. Where
 * there is no such file, the name in the folder counts.
 */
function choose({ given, names, sha256 }: Wanted, found: readonly Found[]): Found | undefined {
  const named = found.filter((one) => names.includes(JSON.stringify(one.name)));
  if (sha256 === undefined) return named[0];
  const same = found.filter((one) => one.sha256 === sha256);
  return (
    same.find((one) => named.includes(one)) ??
    same.find((one) => basename(one.name) === basename(given)) ??
    same[0]
  );
}

async function writeAll(
  certificate: Uint8Array,
  wanted: readonly Wanted[],
  found: readonly Found[],
  folder: string,
): Promise<number> {
  const chosen = wanted.map((one) => ({ one, entry: choose(one, found) }));
  const places = new Map<number, { readonly entry: Found; readonly path: string }>();
  const taken = new Set<string>();
  for (const { entry } of chosen) {
    if (entry === undefined || places.has(entry.index)) continue;
    const path = join(folder, fileName(entry, taken));
    if (isThere(path)) throw new UsageError(`${printable(path)} 已存在 / is there already`);
    places.set(entry.index, { entry, path });
  }
  if (places.size > 0) makeFolder(folder);
  for (const { entry, path } of places.values()) {
    await writeNew(path, cutOut(certificate, entry));
    process.stdout.write(`${printable(entry.name)} → ${printable(path)}\n`);
  }
  for (const { one, entry } of chosen) if (entry === undefined) tellMissing(one, found);
  return chosen.every(({ entry }) => entry !== undefined) ? EXIT.valid : EXIT.invalid;
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new UsageError(`无法建立 ${path} / cannot make it (${(error as Error).message})`);
  }
}

/** What the file system takes as a name, beside what goes behind it. */
const LONGEST = 200;

/** Two files of one name in different folders get the number in the tree besides. Nothing hides in a name. */
function fileName({ name, index }: Found, taken: Set<string>): string {
  let base = basename(name).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '_');
  while (Buffer.byteLength(base) > LONGEST) base = base.slice(0, -1).toWellFormed();
  let own = `${base}.certificate.json`;
  for (let n = index; taken.has(own.toLowerCase()); n++) own = `${base}.${n}.certificate.json`;
  taken.add(own.toLowerCase());
  return own;
}

function cutOut(certificate: Uint8Array, { name, entry, index, hashes }: Found): Uint8Array {
  try {
    return cutCertificate(certificate, entry, { index, hashes });
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const { zh, en } = bothLanguages('reason', error.code, error.detail);
    throw new UsageError(`${printable(name)}: ${zh} / ${en}`);
  }
}

function tellMissing({ given, names, sha256 }: Wanted, found: readonly Found[]): void {
  const isNamed = sha256 !== undefined && found.some((one) => names.includes(JSON.stringify(one.name)));
  process.stderr.write(
    isNamed
      ? `${printable(given)}：文件夹存证中有这个名称，但文件现在的内容与存证时不同 / the name is in the deposit, but the file’s content is another now\n`
      : `${printable(given)}：不在此文件夹存证中 / is not in this folder’s deposit\n`,
  );
}
