import t from 'tap';
import { BadS3Address, parseS3Address } from '../../../server/adapters/s3/address.ts';

const SECRET = 'wJalrXUtnFEMIK7MDENG';
const plain = { prefix: '', endpoint: undefined, region: undefined, sse: undefined, kmsKeyId: undefined };

t.test('an address says all that is needed, and what it leaves out has a sound default', async (t) => {
  t.same(parseS3Address('s3://evidence'), { ...plain, bucket: 'evidence', pathStyle: false });
  t.same(parseS3Address('s3://evidence/?region=cn-north-1'), {
    ...plain,
    bucket: 'evidence',
    region: 'cn-north-1',
    pathStyle: false,
  });
  t.same(
    parseS3Address(
      's3://my.bucket-1/kezheng/prod/?endpoint=http://minio:9000/&sse=aws:kms&kmsKeyId=alias/evidence',
    ),
    {
      bucket: 'my.bucket-1',
      prefix: 'kezheng/prod/',
      endpoint: 'http://minio:9000',
      region: 'us-east-1',
      pathStyle: true,
      sse: 'aws:kms',
      kmsKeyId: 'alias/evidence',
    },
  );
  const hosted = parseS3Address('s3://evidence?endpoint=https://oss.example.cn&pathStyle=false&sse=AES256');
  t.match(hosted, { pathStyle: false, sse: 'AES256' });
});

const BAD: Readonly<Record<string, string>> = {
  'another scheme': 'https://evidence',
  'no bucket': 's3://',
  'no address at all': 'evidence',
  'capital letters in the bucket': 's3://Evidence',
  'a bucket that is too short': 's3://ab',
  'a key before the bucket': `s3://AKIA:${SECRET}@evidence`,
  'a port after the bucket': 's3://evidence:9000',
  'a fragment': 's3://evidence#x',
  'an unknown parameter': `s3://evidence?secretAccessKey=${SECRET}`,
  'a parameter twice': 's3://evidence?region=a&region=b',
  'an empty parameter': 's3://evidence?region=',
  'an endpoint that is no address': 's3://evidence?endpoint=minio:9000',
  'a key in the endpoint': `s3://evidence?endpoint=http://AKIA:${SECRET}@minio`,
  'parameters in the endpoint': 's3://evidence?endpoint=http://minio?x=1',
  'a region with spaces': 's3://evidence?region=cn north',
  'a path style that is neither': 's3://evidence?pathStyle=yes',
  'an unknown encryption': 's3://evidence?sse=DES',
  'a key for encryption without its kind': 's3://evidence?kmsKeyId=alias/x',
  'a key for encryption that is none': 's3://evidence?sse=aws:kms&kmsKeyId=a%0Ab',
  'a prefix with escapes': 's3://evidence/a%2Fb',
  'a prefix with an empty part': 's3://evidence/a//b',
  'a prefix that is too long': `s3://evidence/${'a'.repeat(901)}`,
};

for (const [what, address] of Object.entries(BAD))
  t.test(`an address with ${what} is refused in both languages, without repeating it`, async (t) => {
    try {
      parseS3Address(address);
      t.fail('accepted');
    } catch (error) {
      t.ok(error instanceof BadS3Address);
      const { zh, en, message } = error as BadS3Address;
      t.match(zh, /\p{Script=Han}/u);
      t.match(en, /^(is|has) /);
      t.equal(message, `${zh} / ${en}`);
      t.notMatch(message, SECRET);
    }
  });
