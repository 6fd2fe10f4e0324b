import { createHash, type KeyObject, sign } from 'node:crypto';

/* Requests signed as RFC 9421 says, put together by hand: nothing of the service's own code is in it. */

export interface ToSign {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

export interface Signing {
  readonly key: KeyObject;
  readonly keyId: string;
  /** in the order in which they are signed */
  readonly components?: readonly string[];
  /** Unix seconds */
  readonly created?: number;
  /** behind `created` and `keyid`, as it stands */
  readonly more?: string;
}

export const digestField = (body: Uint8Array): string =>
  `sha-256=:${createHash('sha256').update(body).digest('base64')}:`;

/** The headers to send, those that were given among them. */
export function signedHeaders(request: ToSign, signing: Signing): Record<string, string> {
  const { method, url, body } = request;
  const { host, pathname, search } = new URL(url);
  const headers: Record<string, string> = { ...request.headers };
  if (body !== undefined) headers['content-digest'] ??= digestField(body);
  const fields = Object.keys(headers);
  const components = signing.components ?? ['@method', '@authority', '@path', '@query', ...fields];
  const values: Readonly<Record<string, string>> = {
    ...headers,
    '@method': method,
    '@authority': host,
    '@path': pathname,
    '@query': search || '?',
    '@request-target': pathname + search,
    '@target-uri': url,
    '@scheme': 'http',
  };
  const names = components.map((name) => `"${name}"`).join(' ');
  const created = signing.created ?? Math.floor(Date.now() / 1_000);
  const parameters = `(${names});created=${created};keyid="${signing.keyId}"${signing.more ?? ''}`;
  const base = [
    ...components.map((name) => `"${name}": ${values[name]}`),
    `"@signature-params": ${parameters}`,
  ].join('\n');
  const isEd = signing.key.asymmetricKeyType === 'ed25519';
  const signature = isEd
    ? sign(null, Buffer.from(base), signing.key)
    : sign('sha256', Buffer.from(base), { key: signing.key, dsaEncoding: 'ieee-p1363' });
  return {
    ...headers,
    'signature-input': `sig1=${parameters}`,
    signature: `sig1=:${signature.toString('base64')}:`,
  };
}
