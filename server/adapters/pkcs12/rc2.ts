/*
 * RC2 in CBC mode, decrypting only (RFC 2268): with 40 bits it hides nothing, and it hides nothing here but certificates.
 * Files of older programs have them so, and OpenSSL gives the cipher to nobody any more.
 */

/** RFC 2268 §2: a permutation out of the digits of π. */
const PITABLE = Buffer.from(
  'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2' +
    '179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82' +
    '54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626' +
    '6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7' +
    '08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec' +
    'c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731' +
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9' +
    '0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad',
  'hex',
);

const BLOCK = 8;
const WORDS = 64;
const ROTATIONS = [1, 2, 3, 5] as const;

/** With as many effective bits as the key has. Undefined where the padding is none, as with a wrong key. */
export function decryptRc2(key: Uint8Array, iv: Uint8Array, encrypted: Uint8Array): Buffer | undefined {
  if (encrypted.length === 0 || encrypted.length % BLOCK !== 0) return undefined;
  const schedule = expanded(key);
  const plain = Buffer.alloc(encrypted.length);
  let before = iv;
  for (let at = 0; at < encrypted.length; at += BLOCK) {
    const block = encrypted.subarray(at, at + BLOCK);
    decryptBlock(schedule, block).forEach((byte, i) => {
      plain[at + i] = byte ^ before[i]!;
    });
    before = block;
  }
  return withoutPadding(plain);
}

/** §2. */
function expanded(key: Uint8Array): Uint16Array {
  const bytes = Buffer.alloc(2 * WORDS);
  bytes.set(key);
  const length = key.length;
  for (let i = length; i < bytes.length; i++)
    bytes[i] = PITABLE[(bytes[i - 1]! + bytes[i - length]!) & 0xff]!;
  bytes[128 - length] = PITABLE[bytes[128 - length]!]!;
  for (let i = 127 - length; i >= 0; i--) bytes[i] = PITABLE[bytes[i + 1]! ^ bytes[i + length]!]!;
  return Uint16Array.from({ length: WORDS }, (_, i) => bytes.readUInt16LE(2 * i));
}

/** §4: five rounds of mixing, a mashing, six, a mashing, five. */
function decryptBlock(schedule: Uint16Array, block: Uint8Array): Uint8Array {
  const words = Uint16Array.from({ length: 4 }, (_, i) => block[2 * i]! | (block[2 * i + 1]! << 8));
  for (let round = 15; round >= 0; round--) {
    unmix(words, schedule, 4 * round);
    if (round === 11 || round === 5) unmash(words, schedule);
  }
  return Uint8Array.from({ length: BLOCK }, (_, i) => words[i >> 1]! >> (8 * (i & 1)));
}

const at = (words: Uint16Array, i: number): number => words[i & 3]!;

function unmix(words: Uint16Array, schedule: Uint16Array, first: number): void {
  for (let i = 3; i >= 0; i--) {
    const turned = (words[i]! >> ROTATIONS[i]!) | (words[i]! << (16 - ROTATIONS[i]!));
    const mixed = (at(words, i - 1) & at(words, i - 2)) + (~at(words, i - 1) & at(words, i - 3));
    words[i] = turned - schedule[first + i]! - mixed;
  }
}

function unmash(words: Uint16Array, schedule: Uint16Array): void {
  for (let i = 3; i >= 0; i--) words[i] = words[i]! - schedule[at(words, i - 1) & (WORDS - 1)]!;
}

function withoutPadding(plain: Buffer): Buffer | undefined {
  const count = plain.at(-1)!;
  const isPadding = count >= 1 && count <= BLOCK && plain.subarray(-count).every((byte) => byte === count);
  return isPadding ? plain.subarray(0, -count) : undefined;
}
