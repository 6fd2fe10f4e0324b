import { isIP } from 'node:net';

/** Where a time server is asked. */
export interface TimeServerPlace {
  /** a name, or an address without brackets; lower case */
  readonly host: string;
  readonly port: number;
}

/** RFC 5905 §7.2 */
const NTP_PORT = 123;

/** host, host:port, [IPv6] or [IPv6]:port; undefined where it is none of them. */
export function parseTimeServer(text: string): TimeServerPlace | undefined {
  const [, six, name, digits] = /^(?:\[([^\]]+)\]|([A-Za-z0-9.-]+))(?::([0-9]{1,5}))?$/.exec(text) ?? [];
  const port = digits === undefined ? NTP_PORT : Number(digits);
  if (port < 1 || port > 65_535) return undefined;
  if (six !== undefined) return isIP(six) === 6 ? { host: six.toLowerCase(), port } : undefined;
  return name !== undefined && isHostName(name) ? { host: name.toLowerCase(), port } : undefined;
}

/** RFC 1123 §2.1. What ends in a number would be an address in disguise. */
const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const MAX_NAME = 253;

function isHostName(name: string): boolean {
  if (isIP(name) === 4) return true;
  const labels = name.split('.');
  return (
    name.length <= MAX_NAME && labels.every((label) => LABEL.test(label)) && !/^[0-9]+$/.test(labels.at(-1)!)
  );
}
