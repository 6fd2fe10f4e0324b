import type { Field } from '../read/fields.ts';
import { hexText, members, oneOf, text, uint } from '../read/fields.ts';

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
