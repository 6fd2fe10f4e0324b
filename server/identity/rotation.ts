import type { ReadDataKeys } from '../ports/data-keys.ts';
import type { PeopleStore } from '../ports/people.ts';
import { SEALED_KINDS, type SealedKind, type Sealing } from '../ports/sealing.ts';
import { nameOfKey, Unsealable } from './sealed.ts';

/* Sealing anew under the first key, beside a running service: value by value, each as a whole or not at all. */

const PAGE = 200;

export interface Resealed {
  readonly renewed: number;
  /** under the first key already */
  readonly left: number;
  /** what does not open is left as it is: perhaps its key is found again */
  readonly unreadable: readonly { readonly kind: SealedKind; readonly whose: string; readonly why: string }[];
}

/** A crash leaves some under the one key and some under the other, and all of them open; the next run goes on. */
export async function resealAll(
  people: Pick<PeopleStore, 'sealedValues' | 'replaceSealed'>,
  sealing: Sealing,
): Promise<Resealed> {
  let [renewed, left] = [0, 0];
  const unreadable: Resealed['unreadable'][number][] = [];
  for (const kind of SEALED_KINDS)
    for (let after = ''; ; ) {
      const page = await people.sealedValues(kind, after, PAGE);
      for (const { whose, sealed } of page)
        try {
          const fresh = await sealing.renew(kind, whose, sealed);
          // Whoever changed it meanwhile sealed it under the first key himself.
          if (fresh !== undefined && (await people.replaceSealed(kind, whose, sealed, fresh))) renewed++;
          else left++;
        } catch (error) {
          if (!(error instanceof Unsealable)) throw error;
          unreadable.push({ kind, whose, why: error.message });
        }
      if (page.length < PAGE) break;
      after = page.at(-1)!.whose;
    }
  return { renewed, left, unreadable };
}

export interface KeyUse {
  /** names of keys that nothing is sealed under, hex */
  readonly unused: readonly string[];
  /** names of keys that something is sealed under and that are not in the file */
  readonly missing: readonly string[];
}

export async function keyUse(
  people: Pick<PeopleStore, 'sealedKeys'>,
  readKeys: ReadDataKeys,
): Promise<KeyUse> {
  const [first, ...others] = (await readKeys()).map((key) => nameOfKey(key).toString('hex'));
  const used = await people.sealedKeys();
  return {
    unused: others.filter((name) => !used.includes(name)),
    missing: used.filter((name) => name !== first && !others.includes(name)),
  };
}
