import { Type } from 'typebox';
import { INVITATION_HOURS } from '../identity/invitations.ts';
import { ORGANIZATION_ROLES, PERSON_ROLES, SCOPES } from '../identity/permissions.ts';
import { closed, Instant, line, Uuid, words } from './schemas.ts';

/* What routes about people take and give. Bodies are closed: a member that is not named here is refused, not passed over. */

/** Only that it is text of a bounded length: what makes a password is said by identity/passwords.ts, in sentences. */
export const Password = Type.String({
  minLength: 1,
  maxLength: 1_024,
  description: '口令，12 至 256 个字符 / password, 12 to 256 characters',
});
export const Login = Type.String({
  minLength: 1,
  maxLength: 200,
  description: '登录名（不分大小写与全半角） / what one signs in with',
});
export const PersonName = line(100, '姓名 / name');
const Roles = Type.Array(words(PERSON_ROLES, '角色 / role'), {
  minItems: 1,
  maxItems: PERSON_ROLES.length,
  description: '在机构中的角色 / roles in the organization',
});
export const RolesBody = Type.Object({ roles: Roles }, closed);
export const Scopes = Type.Array(words(SCOPES, '权限 / scope'), { minItems: 1, maxItems: SCOPES.length });
export const OrganizationRoleWord = words(ORGANIZATION_ROLES, '机构种类 / kind of organization');

export const OrganizationView = Type.Object({
  id: Uuid,
  name: Type.String(),
  role: OrganizationRoleWord,
});

export const SessionView = Type.Object({
  person: Type.Object({ id: Uuid, name: Type.String() }),
  organization: OrganizationView,
  roles: Type.Array(Type.String()),
  csrf: Type.String({
    description:
      '更改类请求的 x-kezheng-csrf 头 / value of the header x-kezheng-csrf of requests that change something',
  }),
  factors: Type.Array(Type.String(), { description: '登录时所用的凭证 / how he signed in' }),
  expiresAt: Instant,
  idleMinutes: Type.Integer(),
  organizations: Type.Array(
    Type.Object({
      id: Uuid,
      name: Type.String(),
      role: OrganizationRoleWord,
      roles: Type.Array(Type.String()),
    }),
    { description: '可以切换到的全部机构 / all organizations that he can act for' },
  ),
});

export const SecondFactorAsked = Type.Object({
  ticket: Type.String({
    description: '五分钟内凭它完成第二步，只能用一次 / finishes the sign-in, once, within five minutes',
  }),
  factors: Type.Array(
    words(['totp', 'passkey', 'recovery'], '可用的第二凭证 / second factors that there are'),
  ),
  expiresAt: Instant,
});

export const NewInvitation = Type.Object(
  {
    note: line(200, '给谁 / who it is for'),
    roles: Roles,
    hours: Type.Optional(
      Type.Integer({
        minimum: INVITATION_HOURS.least,
        maximum: INVITATION_HOURS.most,
        description: `有效小时数，默认 ${INVITATION_HOURS.usual} / hours that it is good for`,
      }),
    ),
  },
  closed,
);

/** A link that was just made. */
export const LinkView = Type.Object({
  id: Uuid,
  token: Type.String({ description: '只显示这一次 / shown this once' }),
  url: Type.String({ description: '交给本人的链接 / for the person himself' }),
  expiresAt: Instant,
});

export const InvitationState = words(
  ['open', 'used', 'revoked', 'expired'],
  '有效、已用、已撤回、已过期 / open, used, revoked, expired',
);
export const InvitationView = Type.Object({
  id: Uuid,
  kind: words(['join', 'reset'], '加入或重置口令 / joining, or a new password'),
  note: Type.String(),
  roles: Type.Array(Type.String()),
  invitedBy: Type.String(),
  state: InvitationState,
  createdAt: Instant,
  expiresAt: Instant,
});

export const MemberView = Type.Object({
  id: Uuid,
  name: Type.String(),
  login: Type.Optional(Type.String({ description: '仅管理员可见 / for admins only' })),
  roles: Type.Array(Type.String()),
  since: Instant,
});

/** What a change of somebody's place in the organization took along. */
export const KeysRevoked = Type.Object({
  revokedKeys: Type.Array(Uuid, {
    description:
      '随之吊销的密钥：本人所建，而不再是管理员 / keys that were revoked with it: he made them, and is no admin any more',
  }),
});

export const AccountEventView = Type.Object({
  at: Instant,
  action: Type.String(),
  person: Type.Union([Uuid, Type.Null()]),
  organization: Type.Union([Uuid, Type.Null()]),
  detail: Type.Unknown(),
});

export const EventsQuery = Type.Object(
  {
    before: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description:
          '早于此时刻（Unix 毫秒），取自上一页的 next / earlier than this, from next of the page before',
      }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
  },
  closed,
);
export const EventsView = Type.Object({
  items: Type.Array(AccountEventView),
  next: Type.Union([Type.Integer(), Type.Null()]),
});

export const KeyView = Type.Object({
  id: Uuid,
  label: Type.String(),
  kind: words(['bearer', 'signing'], '密钥或签名公钥 / a key, or a public key that signs requests'),
  scopes: Type.Array(Type.String()),
  createdAt: Instant,
  expiresAt: Type.Union([Instant, Type.Null()]),
  revokedAt: Type.Union([Instant, Type.Null()]),
  lastUsedAt: Type.Union([Instant, Type.Null()], {
    description: '最近一次使用，至多晚一分钟 / last use, a minute late at most',
  }),
});

export const instant = (ms: number): string => new Date(ms).toISOString();
