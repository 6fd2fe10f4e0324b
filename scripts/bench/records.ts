import { randomFillSync } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchedService } from './service.ts';

/* Records for bulk calls, each with a file of its own as a monitoring system would hand it in. */

/** Most that a call takes. */
export const CALL = 10_000;

/** One bulk call of `count` records; the digest of the file of each. */
export function callOf(count: number): { readonly body: Buffer; readonly digestOf: (i: number) => string } {
  const random = randomFillSync(Buffer.alloc(64 * count)).toString('hex');
  let text = '';
  for (let i = 0; i < count; i++) {
    const at = 128 * i;
    text +=
      `{"title":"监测记录 record ${i}","category":"webpage","origin":{"source":"https://shop.example/item/${i}"},` +
      `"files":[{"name":"page.png","size":${i},"mediaType":"image/png","sha256":"${random.slice(at, at + 64)}",` +
      `"sm3":"${random.slice(at + 64, at + 128)}"}]}\n`;
  }
  return { body: Buffer.from(text), digestOf: (i) => random.slice(128 * i, 128 * i + 64) };
}

/** Sends it and gives the answer's lines as text; each record must have been taken. `isPatient`: a busy service is asked again. */
export async function sendCall(service: BenchedService, body: Buffer, isPatient = false): Promise<string> {
  const answer = await fetch(`${service.url}/v1/evidence/bulk`, {
    method: 'POST',
    body: new Uint8Array(body),
    headers: { authorization: `Bearer ${service.key}`, 'content-type': 'application/x-ndjson' },
  });
  const text = await answer.text();
  if (isPatient && answer.status === 503) {
    await sleep(1_000);
    return sendCall(service, body, isPatient);
  }
  if (answer.status !== 200 || text.includes('"problem"'))
    throw new Error(`bulk: ${answer.status} ${text.slice(0, 300)}`);
  return text;
}
