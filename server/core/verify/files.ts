import type { Certificate } from '../certificate/certificate.ts';
import { EVENT_FORMAT } from '../entry/event.ts';
import type { FileEntry } from '../entry/file-entry.ts';
import type { Manifest, ManifestFile } from '../entry/manifest.ts';
import { type Check, type FileFact, reason, type Status } from './report.ts';

/** A file as the checker got it: hashed by itself, or only its digests. The name is for messages, never for matching. */
export interface GivenFile {
  readonly name?: string;
  readonly size?: number;
  /** hex */
  readonly sha256: string;
  readonly sm3?: string;
  readonly basis: 'recomputed' | 'supplied';
}

type Listed = Pick<ManifestFile, 'name' | 'sha256' | 'size' | 'sm3' | 'digests' | 'role'>;

/** What the entry lists, an event nothing; undefined where its files are not named in it (a folder, an unknown format). */
export function listedFiles(entry: Certificate['entry']): readonly Listed[] | undefined {
  if (entry.format === EVENT_FORMAT) return [];
  if (entry.format === 'kezheng-file/1') return [ofFolder(entry)];
  if (entry.format === 'kezheng-manifest/1' && (entry as Manifest).folder === null)
    return (entry as Manifest).files;
  return undefined;
}

/** The files of a folder were hashed by the depositor; the service saw none of their bytes. */
const ofFolder = (entry: FileEntry): Listed => ({ ...entry, digests: 'declared', role: 'evidence' });

const nameOf = (file: GivenFile): string => file.name ?? file.sha256;

/** The three checks on files. Files match by SHA-256, never by name. */
export function checkFiles(entry: Certificate['entry'], given: readonly GivenFile[]): Check[] {
  const listed = listedFiles(entry);
  if (listed === undefined) {
    const folder = entry.format === 'kezheng-manifest/1' ? (entry as Manifest).folder : null;
    const why = folder ? reason('files-in-folder', { size: folder.size }) : reason('files-not-listed');
    return [one('files', 'unknown', why), one('digests', 'skipped', why), one('sm3', 'skipped', why)];
  }
  const pairs = given.map((file) => ({ file, matches: listed.filter((l) => l.sha256 === file.sha256) }));
  return [coverage(listed, given), digests(pairs), sm3(pairs)];
}

const one = (id: 'files' | 'digests' | 'sm3', status: Status, why: Check['reason']): Check => ({
  id,
  at: undefined,
  status,
  reason: why,
});

function coverage(listed: readonly Listed[], given: readonly GivenFile[]): Check {
  const foreign = given.filter((file) => !listed.some((l) => l.sha256 === file.sha256));
  if (foreign.length > 0)
    return one(
      'files',
      'failed',
      reason('file-not-in-entry', { name: nameOf(foreign[0]!), count: foreign.length }),
    );
  if (listed.length === 0) return one('files', 'skipped', reason('entry-without-files'));
  const missing = listed.filter((l) => !given.some((file) => file.sha256 === l.sha256));
  if (missing.length > 0)
    return one(
      'files',
      'unknown',
      reason('files-not-given', { name: missing[0]!.name, count: missing.length, total: listed.length }),
    );
  return one('files', 'passed', reason('files-all-given', { total: listed.length }));
}

interface Pair {
  readonly file: GivenFile;
  readonly matches: readonly Listed[];
}

function digests(pairs: readonly Pair[]): Check {
  const known = pairs.filter((pair) => pair.matches.length > 0);
  if (known.length === 0) return one('digests', 'skipped', reason('no-file-given'));
  for (const { file, matches } of known)
    for (const listed of matches)
      if (file.size !== undefined && file.size !== listed.size)
        return one(
          'digests',
          'failed',
          reason('file-size-differs', { name: listed.name, expected: listed.size, actual: file.size }),
        );
  const supplied = known.filter((pair) => pair.file.basis === 'supplied').length;
  return supplied > 0
    ? one('digests', 'passed', reason('digests-supplied', { count: supplied }))
    : one('digests', 'passed', reason('digests-recomputed', { count: known.length }));
}

function sm3(pairs: readonly Pair[]): Check {
  let compared = 0;
  let left = 0;
  for (const { file, matches } of pairs)
    for (const listed of matches) {
      if (listed.sm3 === null || file.sm3 === undefined) left++;
      else if (file.sm3 !== listed.sm3)
        return one(
          'sm3',
          'failed',
          reason('sm3-differs', { name: listed.name, expected: listed.sm3, actual: file.sm3 }),
        );
      else compared++;
    }
  if (compared === 0)
    return one('sm3', 'skipped', reason(pairs.length === 0 ? 'no-file-given' : 'sm3-not-supplied'));
  return one(
    'sm3',
    'passed',
    reason(left > 0 ? 'sm3-compared-some' : 'sm3-compared', { count: compared, left }),
  );
}

/** Each listed file with what was given for it. */
export function fileFacts(entry: Certificate['entry'], given: readonly GivenFile[]): readonly FileFact[] {
  return (listedFiles(entry) ?? []).map((listed) => {
    const matching = given.filter((file) => file.sha256 === listed.sha256);
    const { name, size, sha256, sm3: sm3Digest, digests: basis, role } = listed;
    const seen = matching.some((file) => file.basis === 'recomputed');
    const state = matching.length === 0 ? 'no' : seen ? 'recomputed' : 'supplied';
    return { name, size, sha256, sm3: sm3Digest, digests: basis, role, given: state };
  });
}
