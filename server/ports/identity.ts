/**
 * Of the organization that entries belong to which nobody deposited: what the service records of itself, so that no
 * depositor sees it among his. Fixed, the same after every restart and move (UUIDv8, RFC 9562 §5.8: "kezheng" in ASCII).
 */
export const OPERATOR_ID = '6b657a68-656e-8670-8000-000000000001';

/**
 * Of the organization that events of procedures belong to: they are nobody's deposits, and a batch that holds nothing
 * else is stamped by outside authorities all the same.
 */
export const EVENTS_ID = '6b657a68-656e-8670-8000-000000000002';

/** Those that have no people and no keys. */
export const OWN_IDS: readonly string[] = [OPERATOR_ID, EVENTS_ID];

/** What an organization is; who acts alone is one of one person, a `depositor` as a rule. */
export type OrganizationRole = 'depositor' | 'law-firm' | 'notary' | 'court' | 'department' | 'operator';

export interface Organization {
  readonly id: string;
  readonly name: string;
  readonly role: OrganizationRole;
  /** 统一社会信用代码, as given */
  readonly uscc: string | undefined;
  readonly createdMs: number;
}

export interface ApiKey {
  readonly id: string;
  readonly organization: string;
  readonly label: string;
  /** SHA-256 of the secret part, hex; empty where requests are signed instead of bearing a secret */
  readonly secretHash: string;
  /** SubjectPublicKeyInfo, base64: of a key that signs requests */
  readonly publicKey?: string | undefined;
  readonly scopes: readonly string[];
  readonly createdMs: number;
  readonly expiresMs: number | undefined;
  readonly revokedMs: number | undefined;
}

export interface IdentityStore {
  addOrganization(organization: Organization): Promise<void>;
  organizations(): Promise<readonly Organization[]>;
  organization(id: string): Promise<Organization | undefined>;
  addApiKey(key: ApiKey): Promise<void>;
  apiKeys(organization?: string): Promise<readonly ApiKey[]>;
  apiKey(id: string): Promise<ApiKey | undefined>;
  /** The one ends then at the latest and the other is added: both, or neither and false where the one counts no more. */
  replaceApiKey(id: string, expiresMs: number, by: ApiKey, nowMs: number): Promise<boolean>;
  /** True where it was there and not revoked before. */
  revokeApiKey(id: string, nowMs: number): Promise<boolean>;
}
