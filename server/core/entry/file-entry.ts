import type { Field } from '../read/fields.ts';
import { hexText, members, oneOf, text, uint } from '../read/fields.ts';
import { quote } from '../read/json.ts';

/*
 * kezheng-file/1: one file of a folder deposit. It lives only inside the folder's own tree; who handed it in and when
 * come from the manifest that holds the folder's root.
 */

export const FILE_FORMAT = 'kezheng-file/1';

export interface FileEntry {
  readonly format: typeof FILE_FORMAT;
  /** path inside the folder, with / between its parts */
  readonly name: string;
  readonly salt: string;
  readonly sha256: string;
  readonly size: number;
  readonly sm3: string;
}

export const fileEntry: Field<FileEntry> = (value, at) => {
  const get = members(value, at, ['format', 'name', 'salt', 'sha256', 'size', 'sm3']);
  return {
    format: get('format', oneOf(FILE_FORMAT)),
    name: get('name', text),
    salt: get('salt', hexText(16)),
    sha256: get('sha256', hexText(32)),
    size: get('size', uint),
    sm3: get('sm3', hexText(32)),
  };
};

/**
 * Its RFC 8785 text, written out by hand: a folder has millions. The name is well-formed, everything else as FileEntry
 * says; a property test compares it with `canonicalize`.
 */
export const fileEntryText = ({ name, salt, sha256, size, sm3 }: Omit<FileEntry, 'format'>): string =>
  `${ENTRY_HEAD}${quote(name)}${ENTRY_TAIL}${salt}","sha256":"${sha256}","size":${size},"sm3":"${sm3}"}`;

/** No other document begins like this. */
export const ENTRY_START = `{"format":"${FILE_FORMAT}",`;
const ENTRY_HEAD = `${ENTRY_START}"name":`;
const ENTRY_TAIL = ',"salt":"';

/** What such a text says of name and SHA-256, cut out without reading the rest: for those who look for a few among millions. */
export function glanceAtEntry(entry: string): { readonly name: string; readonly sha256: string } | undefined {
  const tail = entry.lastIndexOf(ENTRY_TAIL);
  if (!entry.startsWith(ENTRY_HEAD) || tail < 0) return undefined;
  const sha256 = tail + ENTRY_TAIL.length + 32 + '","sha256":"'.length;
  return { name: entry.slice(ENTRY_HEAD.length, tail), sha256: entry.slice(sha256, sha256 + 64) };
}
