import process from 'node:process';
import { UsageError } from './usage.ts';

/** The demonstration on this machine, where there is one: its address and a depositor's key. */
export type Demonstration = () => Promise<{ readonly url: string; readonly apiKey: string } | undefined>;

/** The address and the key that were given, or those of the environment; else the demonstration's, both of them. */
export async function serviceFor(
  givenUrl: string | undefined,
  givenKey: string | undefined,
  demonstration: Demonstration,
): Promise<{ readonly url: string; readonly key: string }> {
  const url = givenUrl ?? (process.env['KEZHENG_URL']?.trim() || undefined);
  const key = givenKey ?? (process.env['KEZHENG_KEY']?.trim() || undefined);
  if (url !== undefined && key !== undefined) return { url, key };
  // A key goes to no address that nobody named.
  const demo = key === undefined ? await demonstration() : undefined;
  if (demo === undefined || (url !== undefined && !isSameService(url, demo.url)))
    throw new UsageError(
      url === undefined
        ? '缺少服务地址：--url 或 KEZHENG_URL / where is the service? --url or KEZHENG_URL'
        : '缺少 API 密钥：--key 或 KEZHENG_KEY / the API key is missing: --key or KEZHENG_KEY',
    );
  return { url: url ?? demo.url, key: demo.apiKey };
}

const isSameService = (a: string, b: string): boolean =>
  URL.canParse(a) && URL.canParse(b) && new URL(a).origin === new URL(b).origin;
