import { hash } from 'node:crypto';
import { statSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { glanceAtEntry } from '../core/entry/file-entry.ts';
import { cutCertificate } from '../core/folder/cut.ts';
import { toHex } from '../core/read/bytes.ts';
import { FormatError } from '../core/reason.ts';
import { climbTree } from '../core/tree/climb.ts';
import type { HashNodeInto } from '../core/tree/tree.ts';
import { bothLanguages } from '../messages/sentence.ts';
import { eachEntry, IndexDamaged, readTail } from './folder-index.ts';
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
  const wanted = await Promise.all(given.map(askFor));
  const { found, root, size } = await lookUp(path, wanted, hashNodeInto);
  if (size !== tail.end.size || root !== tail.end.root)
    throw new IndexDamaged(index, '条目与树根不符 / its entries do not lead to its root');
  return writeAll(tail.certificate, wanted, found, userPath(values.out ?? '.'));
}

/** One that was asked for. */
interface Wanted {
  readonly given: string;
  /** as JSON writes it */
  readonly name: string;
  /** of the file that is there now; undefined where there is none */
  readonly sha256: string | undefined;
}

async function askFor(given: string): Promise<Wanted> {
  const isFile = statSync(userPath(given), { throwIfNoEntry: false })?.isFile() ?? false;
  const name = JSON.stringify(given.replace(/^\.\//, ''));
  return { given, name, sha256: isFile ? (await hashFile(given)).sha256 : undefined };
}

interface Found {
  readonly name: string;
  readonly sha256: string;
  readonly entry: Uint8Array;
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
}

async function lookUp(index: string, wanted: readonly Wanted[], hashNodeInto: HashNodeInto) {
  const names = new Set(wanted.map(({ name }) => name));
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
  if (tree.size === 0) throw new IndexDamaged(index, '没有条目 / it has no entries');
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

/** By its name in the folder, else by what is in it: there, a file of the same name comes first. */
function choose({ given, name, sha256 }: Wanted, found: readonly Found[]): Found | undefined {
  const named = found.find((one) => JSON.stringify(one.name) === name);
  if (named !== undefined || sha256 === undefined) return named;
  const same = found.filter((one) => one.sha256 === sha256);
  return same.find((one) => basename(one.name) === basename(given)) ?? same[0];
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
  for (const { entry, path } of places.values()) {
    await writeNew(path, cutOut(certificate, entry));
    process.stdout.write(`${printable(entry.name)} → ${printable(path)}\n`);
  }
  for (const { one, entry } of chosen) tellTrouble(one, entry);
  return chosen.every(({ entry }) => entry !== undefined) ? EXIT.valid : EXIT.invalid;
}

/** What the file system takes as a name, beside what goes behind it. */
const LONGEST = 200;

/** Two files of one name in different folders get the number in the tree besides. */
function fileName({ name, index }: Found, taken: Set<string>): string {
  let base = basename(name);
  while (Buffer.byteLength(base) > LONGEST) base = base.slice(0, -1).toWellFormed();
  const plain = `${base}.certificate.json`;
  const own = taken.has(plain) ? `${base}.${index}.certificate.json` : plain;
  taken.add(own);
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

function tellTrouble({ given, sha256 }: Wanted, entry: Found | undefined): void {
  if (entry === undefined)
    process.stderr.write(`${printable(given)}：不在此文件夹存证中 / is not in this folder’s deposit\n`);
  else if (sha256 !== undefined && sha256 !== entry.sha256)
    process.stderr.write(
      `${printable(given)}：文件现在的内容与存证时不同 / the file’s content is not the deposited one any more\n`,
    );
}
