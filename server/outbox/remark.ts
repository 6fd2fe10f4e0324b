/** A sentence or two; the other side decides how long it talks. */
const MAX_CHARACTERS = 200;

/**
 * What the other side said or did, as a cause for the operator's log: its words alone, since errors of TLS carry whole
 * certificates along, and those of HTTP whole packets.
 */
export const remark = (said: unknown): Error =>
  new Error((said instanceof Error ? said.message : String(said)).slice(0, MAX_CHARACTERS));
