import { isIP } from 'node:net';
import { type Destination, DoorProblem } from '../ports/door.ts';
import { whyNotPublic } from './addresses.ts';
import { remark } from './remark.ts';

/** Where a request goes, before any name was resolved. */
export interface Place {
  /** As it is asked for: without fragment, and without the dot at the end of a name. */
  readonly url: URL;
  /** A name in lower case and ASCII, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** The host of the address that was named to us; where redirects lead is the other side's word, and in no problem. */
  readonly asked: string;
  /** By KEZHENG_EGRESS_ALLOW: what it leads to need not be public. */
  readonly listed: boolean;
}

/** Longer ones are in no certificate and no configuration, and fill logs. */
const MAX_URL_CHARACTERS = 2_048;

/** Where web servers stand. At other ports stand databases and mail servers, some of which take HTTP for commands. */
const PORTS: readonly number[] = [80, 443];

/** What URL parsers drop or turn into something else, so that two of them read two addresses. */
const AMBIGUOUS = /[\u0000-\u0020\u007f-\u00a0\\]/;

/** Labels of letters, digits, hyphens and underscores (RFC 1035 §2.3.1, RFC 2181 §11), 253 characters in all. */
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
const MAX_NAME_CHARACTERS = 253;

/** `from`: whose redirect it is; its address may be relative then (RFC 9110 §10.2.2), but not empty. */
export function placeOf(text: string, allow: readonly Destination[], from?: Place): Place {
  const base = from?.url.href;
  const { length } = text;
  if (length === 0 || length > MAX_URL_CHARACTERS || AMBIGUOUS.test(text) || !URL.canParse(text, base))
    throw new DoorProblem('door-address-malformed');
  const url = new URL(text, base);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new DoorProblem('door-scheme-refused');
  if (url.username !== '' || url.password !== '') throw new DoorProblem('door-userinfo-refused');
  url.hash = '';
  // A name with a dot at its end is the same one; TLS and lists have it without (RFC 6066 §3).
  url.hostname = url.hostname.replace(/\.$/, '');
  const host = bare(url.hostname);
  if (isIP(host) === 0 && !isName(host)) throw new DoorProblem('door-address-malformed');
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  const listed = allow.some((one) => one.host === host && one.port === port);
  if (!listed && !PORTS.includes(port)) throw new DoorProblem('door-port-refused', { host, port });
  return { url, host, port, secure, listed, asked: from?.asked ?? host };
}

/** An address that the host of this place is or led to. */
export function checkPublic({ listed, asked }: Place, address: string): void {
  const why = listed ? undefined : whyNotPublic(address);
  if (why !== undefined)
    throw new DoorProblem('door-not-public', { host: asked }, remark(`${address}: ${why}`));
}

const bare = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, '$1');

const isName = (host: string): boolean =>
  host.length <= MAX_NAME_CHARACTERS && host.split('.').every((label) => LABEL.test(label));

/** An item of KEZHENG_EGRESS_ALLOW, `host:port`; undefined where it is none. No patterns: a list is read by people. */
export function parseDestination(item: string): Destination | undefined {
  const [, written = '', digits = ''] = /^([^/?#@\\\s%]+):([0-9]{1,5})$/.exec(item) ?? [];
  const port = Number(digits);
  if (written === '' || port < 1 || port > 65_535 || !URL.canParse(`http://${written}/`)) return undefined;
  // A second port; URL would drop 80, as it goes without saying.
  if (written.replace(/^\[.*\]/, '').includes(':')) return undefined;
  const host = bare(new URL(`http://${written}/`).hostname.replace(/\.$/, ''));
  return isIP(host) !== 0 || isName(host) ? { host, port } : undefined;
}
