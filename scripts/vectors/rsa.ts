import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { TAG } from '../../server/core/read/der.ts';
import { encode, encodeOid } from '../../server/core/read/encode-der.ts';
import type { CertificateKey } from './keys.ts';

/*
 * RSA keys of the test vectors: known to everybody, worth nothing. RSASSA-PKCS1-v1_5 is deterministic.
 */

/** PKCS #8, base64. */
const KEYS = {
  rsa2048: `
  MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQCL8J8XFlzyp1EQXcrSImTvpPZ7LEhj8jwUwmkaQ+WqB/Mx8WVR
  SFCj0fmN/vb2cM6j6lrBbTseBNG88Rk+/1Sk7zKnlRZF9MiW/oVdO5lVtNhjJQ3U5WERGsQDSU/KqT207QFZoVRM44S0HMUixk/0
  fWRlaVZrJ5gr9ykNeh9WbKSMIsJkL/C/5mmSuf01gipdsENhqIeu/WK5Rc9Pytr4PY/u2cRNwkaNvZPsBfOl2Q4SSpEbtazzHha8
  Jn9RMTcKPEQugEZsb9xOcq+DZooj3Vqk71mt2RU84RcdQ5hkeyS7Oq2vkwEBsymDCkDAnMGH2GMRSmwfGdg0yV1ozEhxAgMBAAEC
  ggEAB8QIQhbbvNwH4buAu0FNHmbmRj7WfBRn3OOOg1Z//tvu1SdPHu//SJ4JBiYfZJztPLevRmNmR9PO41gyVVaERxxekGHzwNlV
  DdsNQdeiOlk9NmBKqJU7miBE/yUw/D9A1ULfQ67yH4uzNC8SCgxdCMVyHjYWpX7moQ733F958HjlNN/pMt7z84vhLIfGp2GN7uta
  GlNXAi6guJVq+KAUeCB4pvnkOfaoTrp0Ltz0Y6afBIh47hvvrO6zOufdTt+waZfJpsJ9A8U4+YTDQfykIJX14FwgMkszTGMgwTSL
  fJAliQwwqNuvTDNX4mabIZD3KlV1Jhmnpd4fm7A9oqsE+QKBgQC/7s4Zrm51JDvx76g07/73DtLxb/pvhmzwlNagcBDtxZGDpRaR
  LiqLR6HH9xyR/7TXv8AKyFVL0A7jK6I6TYdFRHRT0P4PPxlToUPz3WTK860nhnr+xJWP75ExWLvMujgvNQuunMpr++Hf3rxSGP5N
  8le1GidqNWOTMxBomSv9GQKBgQC6puC9LHVBCyY5WRxPbVRwc9ffQd4BqtIA4yoDHVllwLk1epVw0Bzj+ebVmq3v1F6SQjYYKNFG
  IAzXOQzhuJoPYw/5jD8kDojRtPPnEgTM/sAq7mC/XRAPHqGMgddU6M12V4sGkQfDjMNV7OCWeGFhbb2+gwQEs1fKRvh4KBY5GQKB
  gQC59J0qtJ3AUQLjPNczsvLMW0h1M5DoTM1vqkTn3KwKMsjxSxm6P4houVY9b2X27lBAWD+wMrixYzuJTdU3t7W/nrs2Gd6M1w2q
  wSwdMftdxwmUqe6wt7ZQZkO+E8KgcCvPUQ2od7CHPttxE1RSFnUNACeKB3T4qhF3pJnZPc4owQKBgQCw4hKa0/XuhP1dXZhZoRdj
  VjTei5IzbEmFs8GNoBOnPSOHjbrvZRnr5lieVu69GDnjS0HuVUg1t4vTrmoJwyKksFFkQUdZCTkZ2u1FLqtEBavhQ3SGBVCBs5qP
  CEEjY1fK7Z1/xJNh+xTmagxQLJbEePZXA9wcBEWPGQDBBeRBiQKBgG0rc8khwvZrJaMr+vrTfG2SQu+WWZgOSUHULtvg+KVNsCJH
  GUm50ypUl1gp33hIjErRGdWUBZWXI0gWi0RmrjB8xOWr8MWUp71B51cFIDx/SNx75F54I8+mgBuUbOpSyMrSQH7aHQQTBZyvelh6
  kcwuE2/y3EGU46liW7uRCnqw`,
  rsa1024: `
  MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBAMwxEA878y3+jB5J4RMXkrQyB1BEpKG/mRLnE25QQGw+hSMioOOB
  eKlZJBaScRlIuE++Dsd9V1NAA4oQjYKkDBSocZj6mQ95cE6num/6minOWErmynQJ1sx8xXhPS28+Q3uPWzKIQ8HuhdkLU7JK4oRq
  NulrzwuWcbzvFh+nZhLfAgMBAAECgYAohbwYKd+Syydng2XlchItLJiC93xslSd9ttoGVGrUkHu/g0nGnJUjlosw55MGX4YkXSV1
  tYw0+0k4hxxuRrwWqm3dbqo+Ps96niR0rNdsKpGdSkL/uCaLwTv0B9t4NkS61n0QeTCQigRYEkFi4Ua2cHxa2W+k8GHwBsGfK9AM
  oQJBAPaFTjMKjrY/WDKq+6pf5iZ3zzmszkVYwcLNnElLI4wvpqhhyJBahxdkRcqG6cFE3gtOVpdeuXZPtgiOo0nI1AkCQQDUCxRT
  Rkl4ovqtSzxjM0bOJTg+c3d9RfJS1Xe4sf6U95WJo2svCwL3ybUixiW+iEeNgLLWwGyUSTpWuwSVr/mnAkEAzPDHsPEe8W250e2J
  aPtupx5FPUpm9Qmzk1JBkkEQHVPj9enMxg0sb4rh5lvAavborXeDzzVlc3ETAQwrvYRimQJAZz51yQ5CG9EPSW2Gm66N3TXWKuJB
  3ec+1AJIZs+T66iZUQkW2TL9YPT/k0zzd9AXNtjhOxs6QwFcvHoXA2NJpQJBAOSMmc2jfj/H+bddkAjnv9EbiEkY4UTXDHMAZsB5
  c+DLl6sewJbVsUz1yeK0WqinwUgAM1LOSMItwTI+c8euhg0=`,
};

const OIDS = {
  sha256: '1.2.840.113549.1.1.11',
  sha384: '1.2.840.113549.1.1.12',
  sha512: '1.2.840.113549.1.1.13',
};

export function rsaKey(name: keyof typeof KEYS, digest: keyof typeof OIDS): CertificateKey {
  const key = createPrivateKey({ key: Buffer.from(KEYS[name], 'base64'), format: 'der', type: 'pkcs8' });
  return {
    spki: new Uint8Array(createPublicKey(key).export({ format: 'der', type: 'spki' })),
    algorithm: encode(TAG.sequence, encodeOid(OIDS[digest]), encode(TAG.null)),
    digest,
    signDer: (bytes) => new Uint8Array(sign(digest, bytes, key)),
  };
}
