import { createHmac } from 'node:crypto';

/** RFC 4648 §6 */
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

function keyOf(secret: string): Buffer {
  const bits = [...secret].map((one) => BASE32.indexOf(one).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2)));
}

/** The code that an authenticator app shows, by RFC 4226 §5.3 and RFC 6238; `secret` as people type it. */
export function codeOf(secret: string, nowMs: number): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(nowMs / 30_000)));
  const mac = createHmac('sha1', keyOf(secret)).update(counter).digest();
  return String((mac.readUInt32BE(mac[19]! & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}
