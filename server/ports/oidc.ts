/**
 * Signing in at another place by OpenID Connect (authorization code with PKCE). One provider, which the operator chose;
 * what it says of somebody is believed as far as his identifier there, and nothing of it is kept but that.
 */

/** Made for one attempt; only the browser that began it and its ticket together give them again. */
export interface OidcSecrets {
  /** names the attempt in the address that the provider sends the browser back to */
  readonly state: string;
  /** comes back inside of what the provider signs */
  readonly nonce: string;
  /** RFC 7636 §4.1: whoever takes the code on its way has nothing without it */
  readonly verifier: string;
}

export interface Subject {
  readonly issuer: string;
  /** at most 255 ASCII characters (OpenID Connect Core §2) */
  readonly subject: string;
}

export interface OidcProvider {
  readonly issuer: string;
  /** as people know it */
  readonly name: string;
  /** Where the browser goes. */
  authorizationUrl(secrets: OidcSecrets): Promise<string>;
  /** Whom the provider has signed in. `query`: of the address that it sent the browser back to. */
  subjectOf(query: string, secrets: OidcSecrets): Promise<Subject>;
}

/** `refused`: what came back does not hold, or says no. `away`: the provider cannot be asked now. Why is for the log. */
export class OidcProblem extends Error {
  readonly code: 'refused' | 'away';

  constructor(code: OidcProblem['code'], why: string, cause?: unknown) {
    super(why, { cause });
    this.name = 'OidcProblem';
    this.code = code;
  }
}
