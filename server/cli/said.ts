import { anyObject } from '../core/read/fields.ts';
import { isList, isObject, type Json } from '../core/read/json.ts';
import { FormatError } from '../core/reason.ts';

const TIME = /^\d{4}-\d\d-\d\dT/i;

export const wrong = (at: string, expected: string): FormatError =>
  new FormatError('field-value-wrong', { at, expected });

/** Every text that was handed in stands in the manifest; times may be written as the same moment in UTC. */
export function checkSaid(said: Json, kept: Json, at: string): void {
  if (isObject(said)) {
    const object = anyObject(kept, at);
    for (const [name, value] of Object.entries(said)) checkSaid(value, object[name] ?? null, `${at}.${name}`);
  } else if (isList(said)) {
    if (!isList(kept) || kept.length !== said.length) throw wrong(at, `${said.length}`);
    for (const [i, value] of said.entries()) checkSaid(value, kept[i]!, `${at}[${i}]`);
  } else if (said !== kept) {
    const isSameMoment = TIME.test(String(said)) && Date.parse(String(said)) === Date.parse(String(kept));
    if (!isSameMoment) throw wrong(at, String(said));
  }
}
