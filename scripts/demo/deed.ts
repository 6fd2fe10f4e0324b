import { createPrivateKey, sign, type webcrypto } from 'node:crypto';
import { join } from 'node:path';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { Stage } from './notarize.ts';
import { type CaseView, type Person, tell } from './person.ts';
import { dataDir, save, say } from './service.ts';

/* The office's own key, made here for the demonstration and never given to the service; and a deed signed with it. */

let key: webcrypto.CryptoKeyPair | undefined;

/** Registers the certificate of the office's key, and how its deeds are numbered. */
export async function setUpOffice({ admin }: Stage): Promise<void> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  key = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=示范公证处',
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 365 * 86_400_000),
    keys: key,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.nonRepudiation,
        true,
      ),
    ],
  });
  await admin.json('/v1/office', {
    method: 'PUT',
    body: {
      deedNumber: { template: '（{year}）{region}证内字第{serial:6}号', region: '示' },
      chains: [certificate.toString('pem')],
    },
  });
}

interface Prepared {
  /** base64: what the office's device signs */
  readonly signedAttributes: string;
}

/** 出证或更正: hash out, signature in. */
export async function deed({ notary }: Stage, of: CaseView, action: 'issue' | 'correct'): Promise<void> {
  const who: Person = notary;
  const path = `/v1/cases/${of.id}/deed`;
  const prepared = await who.json<Prepared>(`${path}/prepare`, { method: 'POST', body: {} });
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey('pkcs8', key!.privateKey));
  const device = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const signature = sign('sha256', Buffer.from(prepared.signedAttributes, 'base64'), device);
  const signed = await who.json<{ number: string; sha256: string }>(`${path}/sign`, {
    method: 'POST',
    body: {
      ...{ signature: signature.toString('base64'), chain: 0 },
      ...(action === 'correct' && { reason: '文字更正' }),
    },
  });
  tell(who, action, await who.json<CaseView>(`/v1/cases/${of.id}`));
  const pdf = join(dataDir, `${of.id}.${action}.pdf`);
  await save(pdf, new Uint8Array(await (await who.call(`${path}.pdf`)).arrayBuffer()));
  say(`  公证书 deed ${signed.number}  ${pdf}`);
}
