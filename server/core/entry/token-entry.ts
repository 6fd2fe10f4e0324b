import type { Field } from '../read/fields.ts';
import { hexText, members, oneOf, text, uint } from '../read/fields.ts';
import { canonicalize } from '../read/json.ts';

/*
 * kezheng-token/1: an outside authority's token over an earlier batch was there when this entry entered the log. Who
 * gets hold of that authority's key later makes tokens of any time, but none that stands here.
 */

export const TOKEN_ENTRY_FORMAT = 'kezheng-token/1';

export interface TokenEntry {
  /** label of who runs it */
  readonly authority: string;
  /** the service's own number of the batch whose root was stamped */
  readonly batch: number;
  readonly salt: string;
  /** hex, of the DER of the TimeStampToken */
  readonly sha256: string;
}

export const tokenEntry: Field<TokenEntry> = (value, at) => {
  const get = members(value, at, ['authority', 'batch', 'format', 'salt', 'sha256']);
  get('format', oneOf(TOKEN_ENTRY_FORMAT));
  return {
    authority: get('authority', text),
    batch: get('batch', uint),
    salt: get('salt', hexText(16)),
    sha256: get('sha256', hexText(32)),
  };
};

/** RFC 8785 text. */
export const tokenEntryText = ({ authority, batch, salt, sha256 }: TokenEntry): string =>
  canonicalize({ authority, batch, format: TOKEN_ENTRY_FORMAT, salt, sha256 });
