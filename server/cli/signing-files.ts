/*
 * What an installation signs with: three keys with their certificates, each configured or made by the service at its
 * first start; and the keys under which it seals. They stand in the data folder under these names, and in a backup.
 */

interface KeyFile {
  /** in the data folder and in a backup */
  readonly path: string;
  /** without prefix */
  readonly setting: string;
}

export interface SigningPair {
  readonly key: KeyFile;
  readonly cert: KeyFile;
  readonly zh: string;
  readonly en: string;
}

const pair = (name: string, setting: string, zh: string, en: string): SigningPair => ({
  key: { path: `${name}.key.pem`, setting: `${setting}_KEY_FILE` },
  cert: { path: `${name}.cert.pem`, setting: `${setting}_CERT_FILE` },
  zh,
  en,
});

export const SIGNING_PAIRS: readonly SigningPair[] = [
  pair('issuer', 'ISSUER', '签发私钥与证书', 'the issuer key and certificate'),
  pair('tsa', 'TSA', '时间戳私钥与证书', 'the time-stamping key and its certificates'),
  pair('pdf', 'PDF', '签署 PDF 的私钥与证书', 'the key that signs PDFs and its certificate'),
];

export const SIGNING_FILES: readonly KeyFile[] = SIGNING_PAIRS.flatMap(({ key, cert }) => [key, cert]);

/** Without them nobody's second factor works, and no identity number can be read. */
export const DATA_KEYS: KeyFile = { path: 'data.keys', setting: 'DATA_KEY_FILE' };

export const KEY_FILES: readonly KeyFile[] = [...SIGNING_FILES, DATA_KEYS];
