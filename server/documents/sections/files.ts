import type { FileEntry } from '../../core/entry/file-entry.ts';
import type { Manifest, ManifestFile } from '../../core/entry/manifest.ts';
import { type Both, isPaperWord, paperWords } from '../../messages/paper.ts';
import { type FileLine, given, hex, row, type Section, words } from '../content.ts';
import { type CertificateInput, manifestOf } from '../input.ts';

/* Each file with its digests: domain fields 10, 11 and 21. */

export function filesSection({ certificate }: CertificateInput): Section | undefined {
  const files = listed(certificate.entry as FileEntry | Manifest);
  const folder = manifestOf(certificate)?.folder ?? null;
  if (files.length === 0 && folder === null) return undefined;
  return {
    title: paperWords('section-files'),
    ...(folder !== null && {
      rows: [row('folder-root', words('files-folder', { count: folder.size }), hex(folder.root))],
    }),
    files: files.map(lineOf),
    notes: [paperWords(files.length === 0 ? 'files-folder-note' : 'files-basis-note')],
  };
}

/** Of a folder's file its own entry; its digests count as declared (FORMAT.md §3). */
function listed(entry: FileEntry | Manifest): readonly ManifestFile[] {
  if (entry.format === 'kezheng-manifest/1') return entry.files;
  if (entry.format !== 'kezheng-file/1') return [];
  const { name, sha256, size, sm3 } = entry;
  return [{ digests: 'declared', mediaType: null, name, role: 'evidence', sha256, size, sm3 }];
}

const lineOf = (file: ManifestFile, i: number): FileLine => ({
  number: i + 1,
  name: file.name,
  mediaType: file.mediaType === null ? words('format-unknown') : given(file.mediaType),
  size: String(file.size),
  basis: together(wordOf(`role-${file.role}`), wordOf(`basis-${file.digests}`)),
  digests: [hex(file.sha256, 'SHA-256'), ...(file.sm3 === null ? [] : [hex(file.sm3, 'SM3')])],
});

const wordOf = (word: string): Both => (isPaperWord(word) ? paperWords(word) : { zh: word, en: word });

const together = (a: Both, b: Both): Both => ({ zh: `${a.zh} / ${b.zh}`, en: `${a.en} / ${b.en}` });
