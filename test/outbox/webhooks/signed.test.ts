import fc from 'fast-check';
import { Webhook as Receiver } from 'standardwebhooks';
import t from 'tap';
import { newSecret, secretsOf } from '../../../server/outbox/webhooks/secret.ts';
import { bodyOf, signedHeaders } from '../../../server/outbox/webhooks/signed.ts';
import { newSealing, sample, sealing } from './samples.ts';

/* The other side is the library of the Standard Webhooks project. */

const HOUR_MS = 3_600_000;

async function signedNow(secrets: readonly Uint8Array[]) {
  const { delivery, message } = await sample('https://a.example/');
  const body = bodyOf(message, delivery);
  return {
    text: Buffer.from(body).toString(),
    headers: signedHeaders(delivery.id, body, secrets, Date.now()),
  };
}

t.test('a receiver that knows the secret verifies a message, and reads what happened', async (t) => {
  const { webhook, clear } = await sample('https://a.example/');
  t.match(clear, /^whsec_[A-Za-z0-9+/]{43}=$/, '32 bytes');
  const { text, headers } = await signedNow(await secretsOf(sealing, webhook, Date.now()));
  t.strictSame(new Receiver(clear).verify(text, headers), {
    type: 'evidence.certified',
    timestamp: '2027-01-15T08:00:00.000Z',
    sequence: 7,
    data: { ids: ['证', '\u0000'], state: 'anchored' },
  });
});

t.test('whatever of a message is changed, it does not verify', async (t) => {
  const { webhook, clear } = await sample('https://a.example/');
  const { text, headers } = await signedNow(await secretsOf(sealing, webhook, Date.now()));
  const receiver = new Receiver(clear);
  const { clear: other } = await sample('https://a.example/');
  const later = String(Number(headers['webhook-timestamp']) + 1);
  const damages: Readonly<Record<string, () => unknown>> = {
    'its body': () => receiver.verify(`${text} `, headers),
    'its id': () => receiver.verify(text, { ...headers, 'webhook-id': 'msg_1' }),
    'its time': () => receiver.verify(text, { ...headers, 'webhook-timestamp': later }),
    'its signature': () =>
      receiver.verify(text, {
        ...headers,
        'webhook-signature': headers['webhook-signature']!.replace(/.{4}$/, 'AAA='),
      }),
    'its version': () =>
      receiver.verify(text, {
        ...headers,
        'webhook-signature': headers['webhook-signature']!.replace('v1', 'v2'),
      }),
    'the secret': () => new Receiver(other).verify(text, headers),
  };
  receiver.verify(text, headers);
  for (const [what, verify] of Object.entries(damages)) t.throws(verify, what);
});

t.test('signatures are those of the library, for any id, time, body and number of secrets', async () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^msg_[0-9a-f]{1,40}$/),
      fc.integer({ min: 0, max: 4e12 }),
      fc.string({ unit: 'binary', maxLength: 300 }).filter((text) => text.isWellFormed()),
      fc.array(fc.uint8Array({ minLength: 24, maxLength: 64 }), { minLength: 1, maxLength: 3 }),
      (id, ms, text, secrets) => {
        const headers = signedHeaders(id, Buffer.from(text), secrets, ms);
        const expected = secrets.map((secret) =>
          new Receiver(secret, { format: 'raw' }).sign(id, new Date(ms), text),
        );
        return headers['webhook-signature'] === expected.join(' ');
      },
    ),
  );
});

t.test('for a day after a rotation both secrets verify, then the new one alone', async (t) => {
  const { webhook, clear: old } = await sample('https://a.example/');
  const made = await newSecret(sealing, webhook.id);
  const nowMs = Date.now();
  const rotated = {
    ...webhook,
    secret: made.sealed,
    previous: { secret: webhook.secret, untilMs: nowMs + HOUR_MS },
  };
  const during = await signedNow(await secretsOf(sealing, rotated, nowMs));
  t.equal(during.headers['webhook-signature']!.split(' ').length, 2);
  for (const secret of [old, made.clear]) new Receiver(secret).verify(during.text, during.headers);
  const after = await signedNow(await secretsOf(sealing, rotated, nowMs + HOUR_MS));
  new Receiver(made.clear).verify(after.text, after.headers);
  t.throws(() => new Receiver(old).verify(after.text, after.headers));
});

t.test('a sealed secret opens for its webhook alone, unchanged, and by the key that sealed it', async (t) => {
  const { webhook } = await sample('https://a.example/');
  t.equal((await secretsOf(sealing, webhook, 0))[0]!.length, 32);
  await t.rejects(secretsOf(sealing, { ...webhook, id: 'another' }, 0));
  await t.rejects(secretsOf(newSealing(), webhook, 0));
  for (const at of webhook.secret.keys()) {
    const secret = webhook.secret.with(at, webhook.secret[at]! ^ 1);
    await t.rejects(secretsOf(sealing, { ...webhook, secret }, 0), `byte ${at}`);
  }
  await t.rejects(secretsOf(sealing, { ...webhook, secret: new Uint8Array() }, 0), 'of a removed one');
  const again = await newSecret(sealing, webhook.id);
  t.notSame(again.sealed, webhook.secret);
});
