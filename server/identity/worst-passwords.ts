/**
 * Those of at least twelve characters that stand first in every list of guesses. Shorter ones are refused by their
 * length; a longer list would be a promise that it cannot keep.
 */
export const WORST: ReadonlySet<string> = new Set([
  '1234567890ab',
  '123456789012',
  '123456789abc',
  '1234567890qwe',
  '1q2w3e4r5t6y',
  '1qaz2wsx3edc',
  '1qazxsw23edc',
  'a1234567890b',
  'abc123456789',
  'abcd12345678',
  'abcdefghijkl',
  'abcdefg12345',
  'admin1234567',
  'admin@123456',
  'administrator',
  'asdfghjkl123',
  'correcthorsebatterystaple',
  'football1234',
  'iloveyou1234',
  'kezheng12345',
  'letmein12345',
  'p@ssw0rd1234',
  'passw0rd1234',
  'password1234',
  'password12345',
  'password123!',
  'password@123',
  'q1w2e3r4t5y6',
  'qazwsxedcrfv',
  'qwer12345678',
  'qwerty123456',
  'qwertyuiop12',
  'qwertyuiop123',
  'woaini1314520',
  'woaini5201314',
  'zaq12wsxcde3',
  'zxcvbnm12345',
]);

/** The same few characters over and over: `121212121212`, `啊啊啊啊啊啊啊啊啊啊啊啊`. */
const REPEATED = /^(.{1,4}?)\1+.{0,3}$/su;

export const isWorst = (password: string): boolean => WORST.has(password) || REPEATED.test(password);
