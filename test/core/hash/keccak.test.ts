import { keccak256 as ethers } from 'ethers';
import fc from 'fast-check';
import t from 'tap';
import { keccak256 } from '../../../server/core/hash/keccak.ts';
import { toHex } from '../../../server/core/read/bytes.ts';

t.test('the hash of nothing is that of Ethereum, not of SHA3-256', async (t) => {
  t.equal(
    toHex(keccak256(new Uint8Array())),
    'c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470',
  );
});

t.test('the hash of any bytes is that of another implementation', async () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => `0x${toHex(keccak256(bytes))}` === ethers(bytes)));
});
