import type { Manifest, ManifestFile } from '../../core/entry/manifest.ts';
import { type PaperWord, paperWords } from '../../messages/paper.ts';
import { hex, orNone, row, type Section, stated, time, type Value, words } from '../content.ts';
import { wordFor } from './subject.ts';

/* How the evidence was obtained: domain fields 8, 12 to 20. What was not given is said to be not given. */

export function captureSection(manifest: Manifest): Section {
  const { evidence, clock } = manifest;
  const { origin } = evidence;
  const at = (instant: string | null): Value => (instant === null ? words('not-provided') : time(instant));
  return {
    title: paperWords('section-capture'),
    rows: [
      row('operator', orNone(evidence.capturedBy)),
      row('source', orNone(origin.source)),
      row('method', orNone(origin.method)),
      row('tool', orNone(origin.tool)),
      row('captured-from', at(evidence.capturedFrom)),
      row('captured-to', at(evidence.capturedTo)),
      row('time-source', wordFor('clock', clock)),
      row('place', orNone(origin.place)),
      row('environment', orNone(origin.environment), ...reports(manifest, 'environment')),
      row('cleanliness', ...withReports(manifest, 'cleanliness', 'cleanliness-upload')),
      row('process-log', ...withReports(manifest, 'process-log', 'process-log-upload')),
      row('origin', wordFor('grade', origin.grade), ...(origin.statement ? [stated(origin.statement)] : [])),
    ],
  };
}

const filesOf = (manifest: Manifest, role: ManifestFile['role']): readonly ManifestFile[] =>
  manifest.files.filter((file) => file.role === role);

/** How many reports of a kind there are, and the digest of each: they are files of the package like any other. */
function reports(manifest: Manifest, role: ManifestFile['role']): Value[] {
  const files = filesOf(manifest, role);
  if (files.length === 0) return [];
  return [
    words('report-files', { count: files.length }),
    ...files.map((file) => hex(file.sha256, 'SHA-256')),
  ];
}

/** Of an upload nobody can expect such reports; of a capture they are missing. */
function withReports(manifest: Manifest, role: ManifestFile['role'], upload: PaperWord): readonly Value[] {
  const found = reports(manifest, role);
  if (found.length > 0) return found;
  return [words(manifest.evidence.origin.grade === 'unverified-upload' ? upload : 'not-provided')];
}
