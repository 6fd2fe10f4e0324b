import type { ComparedBlock } from '../../core/verify/anchors.ts';
import { bothLanguages } from '../../messages/sentence.ts';
import { type Both, pageWith } from '../shared/words.ts';

/** What the page on line may ask the service that it came from. Only buttons that say so ask. */
export interface ServiceAsked {
  readonly host: string;
  readonly trust: () => Promise<{ readonly list: Blob } | Refused>;
  readonly block: (chainId: number, number: number) => Promise<{ readonly block: ComparedBlock } | Refused>;
}

export interface Refused {
  readonly wrong: Both;
}

/** undefined in the saved page: it has nobody to ask, and its policy would not let it. */
export function serviceOf(document: Document, place: Location): ServiceAsked | undefined {
  const isOnline = document.documentElement.dataset['online'] !== undefined;
  if (!isOnline || !/^https?:$/.test(place.protocol)) return undefined;
  return {
    host: place.host,
    trust: () => ask('/v1/trust', async (answer) => ({ list: await answer.blob() })),
    block: (chainId, number) =>
      ask(`/v1/blocks/${chainId}/${number}`, async (answer) =>
        readBlock(await answer.text(), chainId, number),
      ),
  };
}

/** The body is read here, too: the line may break in the middle of it. */
async function ask<T>(path: string, read: (answer: Response) => Promise<T | Refused>): Promise<T | Refused> {
  try {
    const answer = await fetch(path, { credentials: 'omit', redirect: 'error' });
    return answer.ok ? await read(answer) : { wrong: refusal(await answer.text()) };
  } catch {
    return { wrong: bothLanguages('page', 'service-away') };
  }
}

/** RFC 9457, as this service writes it; something between us and it may answer otherwise. */
function refusal(text: string): Both {
  const { title, titleEn } = objectIn(text);
  return typeof title === 'string' && typeof titleEn === 'string'
    ? pageWith('service-refused', { zh: title, en: titleEn })
    : bothLanguages('page', 'service-away');
}

/** Of another block than was asked for, it is no answer. */
function readBlock(
  text: string,
  chainId: number,
  number: number,
): { readonly block: ComparedBlock } | Refused {
  const { genesisHash, hash, ...of } = objectIn(text);
  const isHash = (value: unknown): value is string =>
    typeof value === 'string' && /^0x[0-9a-f]{64}$/.test(value);
  if (of['chainId'] !== chainId || of['number'] !== number || !isHash(genesisHash))
    return { wrong: refusal('') };
  if (hash !== undefined && !isHash(hash)) return { wrong: refusal('') };
  return { block: { source: '', chainId, genesisHash, number, ...(hash !== undefined && { hash }) } };
}

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
}
