import { createDecipheriv, createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { nameOfKey, sealingWith, Unsealable } from '../../server/identity/sealed.ts';
import type { SealedKind } from '../../server/ports/sealing.ts';

const key = (): Uint8Array => new Uint8Array(randomBytes(32));
const under = (first: Uint8Array, ...others: Uint8Array[]) => sealingWith(async () => [first, ...others]);
const CLEAR = new TextEncoder().encode('11010519491231002X');

t.test('what is sealed opens for the same row alone', async (t) => {
  const sealing = under(key());
  const row = fc.tuple(fc.constantFrom<SealedKind>('totp', 'identity-number'), fc.uuid());
  await fc.assert(
    fc.asyncProperty(row, row, fc.uint8Array({ maxLength: 300 }), async (own, other, clear) => {
      const sealed = await sealing.seal(...own, clear);
      t.strictSame(await sealing.open(...own, sealed), Uint8Array.from(clear));
      if (String(own) !== String(other)) await t.rejects(sealing.open(...other, sealed), Unsealable);
    }),
  );
});

t.test('another implementation opens it by what is written of the format', async (t) => {
  const bytes = key();
  const sealed = await under(bytes).seal('totp', 'p1', CLEAR);
  const name = createHash('sha256').update('kezheng data key\0').update(bytes).digest().subarray(0, 8);
  t.strictSame(Buffer.from(sealed.subarray(0, 8)), name);
  const decipher = createDecipheriv('aes-256-gcm', bytes, sealed.subarray(8, 20));
  decipher.setAAD(Buffer.concat([Buffer.from('kezheng-sealed/1\0totp\0p1\0'), name]));
  decipher.setAuthTag(sealed.subarray(-16));
  t.strictSame(
    Buffer.concat([decipher.update(sealed.subarray(20, -16)), decipher.final()]),
    Buffer.from(CLEAR),
  );
});

t.test('each bit counts, and each byte that is missing', async (t) => {
  const sealing = under(key());
  const sealed = await sealing.seal('totp', 'p1', CLEAR);
  for (let at = 0; at < sealed.length; at++) {
    const damaged = Uint8Array.from(sealed);
    damaged[at]! ^= 1 << (at % 8);
    await t.rejects(sealing.open('totp', 'p1', damaged), Unsealable, `byte ${at}`);
    await t.rejects(sealing.open('totp', 'p1', sealed.subarray(0, at)), Unsealable, `${at} bytes`);
  }
});

t.test('the same twice is sealed to different bytes', async (t) => {
  const sealing = under(key());
  const all = await Promise.all(Array.from({ length: 200 }, () => sealing.seal('totp', 'p1', CLEAR)));
  t.equal(new Set(all.map((one) => Buffer.from(one).toString('hex'))).size, 200);
  t.equal(new Set(all.map((one) => Buffer.from(one.subarray(8, 20)).toString('hex'))).size, 200);
});

t.test(
  'after a rotation the old opens, the new is sealed under the new key, and renewal moves it',
  async (t) => {
    const [old, fresh] = [key(), key()];
    const sealed = await under(old).seal('totp', 'p1', CLEAR);
    const both = under(fresh, old);
    t.strictSame(await both.open('totp', 'p1', sealed), CLEAR);
    const renewed = (await both.renew('totp', 'p1', sealed))!;
    t.strictSame(await under(fresh).open('totp', 'p1', renewed), CLEAR);
    t.equal(await both.renew('totp', 'p1', renewed), undefined);
    t.strictSame(Buffer.from(renewed.subarray(0, 8)), nameOfKey(fresh));
  },
);

t.test('without its key it is refused by the name of the key, in both languages', async (t) => {
  const old = key();
  const sealed = await under(old).seal('totp', 'p1', CLEAR);
  for (const work of ['open', 'renew'] as const) {
    const refused = await under(key())
      [work]('totp', 'p1', sealed)
      .catch((error) => error);
    t.type(refused, Unsealable);
    t.match(refused, { code: 'key-missing', key: nameOfKey(old).toString('hex') });
    t.match(refused.message, /KEZHENG_DATA_KEY_FILE：.*无法解开.* \/ .*cannot be opened/);
  }
});

t.test('renewal finds what is damaged, under the first key too', async (t) => {
  const sealing = under(key());
  const sealed = await sealing.seal('totp', 'p1', CLEAR);
  await t.rejects(sealing.renew('totp', 'p2', sealed), { code: 'value-damaged' });
});
