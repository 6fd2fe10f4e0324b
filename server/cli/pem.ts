import { type Certificate, parseCertificate } from '../core/read/x509.ts';

const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g;

/** The certificates of a PEM file; throws FormatError where one cannot be read. */
export const certificatesIn = (pem: string): Certificate[] =>
  [...pem.matchAll(PEM)].map(([, base64]) =>
    parseCertificate(Uint8Array.from(Buffer.from(base64!, 'base64'))),
  );
