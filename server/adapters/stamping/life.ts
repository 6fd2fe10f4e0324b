import { parseCertificate } from '../../core/read/x509.ts';

export interface Life {
  readonly fromMs: number;
  readonly toMs: number;
}

/** While every certificate of the chain is good: a token of another time would spoil the certificate that carries it. */
export function lifeOf(chain: readonly Uint8Array[]): Life {
  const parsed = chain.map(parseCertificate);
  return {
    fromMs: Math.max(...parsed.map(({ notBeforeMs }) => notBeforeMs)),
    toMs: Math.min(...parsed.map(({ notAfterMs }) => notAfterMs)),
  };
}
