import { utf8 } from '../read/bytes.ts';
import { canonicalize } from '../read/json.ts';

/*
 * kezheng-root/1: what an outside authority stamps. It names the place of the batch in its log, so that a token is good
 * for one batch of one operator.
 */

export const ROOT_FORMAT = 'kezheng-root/1';

export interface RootDocument {
  readonly chainId: number;
  /** 0x… */
  readonly contract: string;
  readonly index: number;
  readonly operator: string;
  /** hex */
  readonly root: string;
  readonly size: number;
}

/** RFC 8785 bytes; their SHA-256 is what is stamped. */
export const rootDocument = ({ chainId, contract, index, operator, root, size }: RootDocument): Uint8Array =>
  utf8(canonicalize({ chainId, contract, format: ROOT_FORMAT, index, operator, root, size }));
