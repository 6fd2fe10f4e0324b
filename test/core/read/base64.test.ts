import fc from 'fast-check';
import t from 'tap';
import {
  decodeBase64,
  decodeBase64Url,
  encodeBase64,
  encodeBase64Url,
} from '../../../server/core/read/base64.ts';

const ALPHABETS = [
  { name: 'base64', encode: encodeBase64, decode: decodeBase64 },
  { name: 'base64url', encode: encodeBase64Url, decode: decodeBase64Url },
] as const;

for (const { name, encode, decode } of ALPHABETS) {
  t.test(`${name} of any bytes is what Node writes, and comes back`, async () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const text = Buffer.from(bytes).toString(name);
        return encode(bytes) === text && Buffer.from(decode(text)).equals(bytes);
      }),
    );
  });

  t.test(`${name}: of all short texts only those are read that Node would write`, async (t) => {
    const letters = ['A', 'Q', 'w', '9', '+', '/', '-', '_', '=', '\n', 'é', '\u{4e00}'];
    let texts = [''];
    for (let length = 0; length <= 4; length++) {
      for (const text of texts) {
        let read: string | undefined;
        try {
          read = Buffer.from(decode(text)).toString('hex');
        } catch (error) {
          if ((error as { code?: string }).code !== 'base64-invalid') throw error;
        }
        const bytes = Buffer.from(text, name);
        const expected = bytes.toString(name) === text ? bytes.toString('hex') : undefined;
        if (read !== expected) t.fail(JSON.stringify(text));
      }
      texts = texts.flatMap((text) => letters.map((letter) => text + letter));
    }
  });
}

t.test('the vectors of RFC 4648 §10', async (t) => {
  const vectors = { '': '', f: 'Zg==', fo: 'Zm8=', foo: 'Zm9v', foob: 'Zm9vYg==', fooba: 'Zm9vYmE=' };
  for (const [text, encoded] of Object.entries(vectors)) {
    t.equal(encodeBase64(Buffer.from(text)), encoded);
    t.equal(Buffer.from(decodeBase64(encoded)).toString(), text);
  }
});

const LAXITIES: Record<string, string> = {
  'has other padding bits': 'Zh==',
  'has other padding bits, one sign': 'Zm9=',
  'lacks padding': 'Zg',
  'has one padding sign too few': 'Zg=',
  'has padding too much': 'Zm9v====',
  'has padding in the middle': 'Zg==Zm9v',
  'begins with a space': ' Zm9v',
  'ends with a line break': 'Zm9v\n',
  'is of the other alphabet': 'Zm-_',
  'has one letter left over': 'Zm9vY',
};
for (const [how, text] of Object.entries(LAXITIES))
  t.test(`a base64 text is refused when it ${how}`, async (t) => {
    t.throws(() => decodeBase64(text), { code: 'base64-invalid' });
  });

for (const text of ['Zh', 'Zg==', 'Zm+/', 'Z', 'Zm 9v'])
  t.test(`the base64url text ${text} is refused`, async (t) => {
    t.throws(() => decodeBase64Url(text), { code: 'base64-invalid' });
  });
