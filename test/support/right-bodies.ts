import { generateKeyPairSync } from 'node:crypto';
import { NEVER } from './every-route.ts';
import { digestOf } from './running.ts';

/** Of each route that takes JSON a body that its schema takes, by name. */
export function bodies(office: string): Readonly<Record<string, object>> {
  const { publicKey } = generateKeyPairSync('ed25519');
  const spki = publicKey.export({ format: 'der', type: 'spki' }).toString('base64');
  const ticket = 'A'.repeat(43);
  const base64url = 'AAAA';
  const signed = { clientDataJSON: base64url, authenticatorData: base64url };
  return {
    'POST /v1/evidence': { title: '证据', files: [{ name: 'f', size: 1, sha256: digestOf(1) }] },
    'POST /v1/cases': {
      procedure: 'notarization/1',
      input: { application: { office, matter: 'evidence-preservation', applicants: [], evidence: [] } },
    },
    'POST /v1/cases/:id/actions/:action': { reason: '事由' },
    'POST /v1/cases/:id/deed/prepare': {},
    'POST /v1/cases/:id/deed/sign': { cms: 'AAAA' },
    'PUT /v1/office': { feeItems: [] },
    'POST /v1/identity-numbers': { kind: 'passport', number: 'E12345678' },
    'POST /v1/webhooks': { url: 'https://receiver.example/hook', types: ['*'] },
    'PATCH /v1/webhooks/:id': { description: '另一个' },
    'POST /v1/webhooks/:id/replay-failed': { since: '2026-01-01T00:00:00Z' },
    'POST /v1/session': { login: 'nobody-at-all', password: 'not this one at all' },
    'POST /v1/session/organization': { organization: NEVER['organization']! },
    'POST /v1/session/totp': { ticket, code: '123456' },
    'POST /v1/session/recovery': { ticket, code: '123456' },
    'POST /v1/session/passkey': {
      passkey: { id: base64url, response: { ...signed, signature: base64url, userHandle: base64url } },
    },
    'POST /v1/session/proof': { password: 'not this one at all' },
    'POST /v1/session/oidc': {},
    'DELETE /v1/account/oidc': { issuer: 'https://issuer.example', subject: 'x' },
    'POST /v1/account/password': { old: 'not this one at all', new: '一把相当长的口令，谁也猜不到' },
    'POST /v1/account/totp/confirm': { ticket, code: '123456' },
    'PUT /v1/organization/second-factor': { demanded: false },
    'PATCH /v1/account/passkeys/:id': { label: '手机' },
    'POST /v1/account/passkeys': {
      label: '手机',
      passkey: { id: base64url, response: { clientDataJSON: base64url, attestationObject: base64url } },
    },
    'POST /v1/invitations/:token': {},
    'POST /v1/people/invitations': { note: '新同事', roles: ['reader'] },
    'PUT /v1/people/:id/roles': { roles: ['reader'] },
    'POST /v1/organizations': { login: 'somebody', name: '某人', password: '一把相当长的口令，谁也猜不到' },
    'POST /v1/keys': { label: '机器', scopes: ['evidence:read'] },
    'POST /v1/keys/signing': { label: '机器', scopes: ['evidence:read'], publicKey: spki },
    'POST /v1/keys/:id/rotate': {},
  };
}
