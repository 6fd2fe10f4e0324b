/**
 * A UUIDv7 (RFC 9562 §5.7) from its parts: Unix milliseconds, a count within the millisecond (12 bits, method 1 of
 * §6.2), and 16 random hex digits, of which 62 bits are used.
 */
export function uuidV7(ms: number, count: number, random: string): string {
  if (ms !== lastMs) {
    const time = ms.toString(16).padStart(12, '0');
    lastTime = `${time.slice(0, 8)}-${time.slice(8)}-7`;
    lastMs = ms;
  }
  const counter = count.toString(16).padStart(3, '0');
  const variant = VARIANTS[Number.parseInt(random[0]!, 16) & 3];
  return `${lastTime}${counter}-${variant}${random.slice(1, 4)}-${random.slice(4)}`;
}

/** Binary 10 and two random bits. */
const VARIANTS = '89ab';

/** Many ids share a millisecond. */
let lastMs = -1;
let lastTime = '';
