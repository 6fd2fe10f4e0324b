import process from 'node:process';
import { eventRecorder, type RecordEvent } from '../identity/account-events.ts';
import { COMMAND_LINE, INVITATION_HOURS, makeLink } from '../identity/invitations.ts';
import { normalLogin } from '../identity/logins.ts';
import { rolesFor } from '../identity/members.ts';
import { hashRandom, randomPassword } from '../identity/passwords.ts';
import { ROLES_IN } from '../identity/permissions.ts';
import type { Person } from '../ports/people.ts';
import { OPERATOR_ID, type Organization, type Store } from '../ports/store.ts';
import { publicUrl, withStore } from './data.ts';
import { refuseUnknown } from './organization.ts';
import { EXIT, parse, printable, UsageError } from './usage.ts';

export async function peopleCommand(args: readonly string[]): Promise<number> {
  const [action, ...rest] = args;
  if (action === 'invite') return invite(rest);
  if (action === 'list') return list(rest);
  if (action === 'reset') return reset(rest);
  throw new UsageError('people invite|list|reset');
}

/** The first link into an organization, which nobody in it can make yet. It goes to standard output and nowhere else. */
async function invite(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    roles: { type: 'string' },
    note: { type: 'string' },
    hours: { type: 'string' },
  });
  const [given] = positionals;
  if (given === undefined) throw new UsageError('缺少机构编号 / the id of the organization is missing');
  const hours = hoursIn(values.hours);
  const note = values.note ?? '';
  if (note.length > 200 || printable(note) !== note)
    throw new UsageError('--note 至多 200 个可见字符 / has at most 200 visible characters');
  const token = await withStore(async (store) => {
    const organization = await organizationOf(store, given);
    const roles = rolesIn(organization, values.roles ?? 'admin');
    const wanted = { organization: organization.id, roles, note, hours, by: COMMAND_LINE };
    const nowMs = Date.now();
    const link = await makeLink(store, wanted, nowMs);
    const record = eventRecorder(store, { nowMs: () => nowMs });
    const detail = { roles, invitation: link.invitation.id, by: wanted.by };
    await record('invitation-made', { organization: organization.id }, detail);
    return link.token;
  });
  return showLink(token, hours);
}

function showLink(token: string, hours: number): number {
  process.stderr.write(
    `一次性链接，${hours} 小时内有效，只显示这一次 / good once, for ${hours} hours, shown this once:\n`,
  );
  process.stdout.write(`${publicUrl()}/join#${token}\n`);
  return EXIT.valid;
}

/** A new password on the same day, for an account that nobody else can open: an only admin, or of several organizations. */
async function reset(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { factors: { type: 'boolean' } });
  const [login] = positionals;
  if (login === undefined) throw new UsageError('缺少登录名 / the login is missing');
  const hours = INVITATION_HOURS.least;
  const nowMs = Date.now();
  const token = await withStore(async (store) => {
    const person = await store.personByLogin(normalLogin(login));
    const [membership] = person === undefined ? [] : await store.membershipsOf(person.id);
    if (person === undefined || membership === undefined)
      throw new UsageError(
        '没有此登录名，或其人不属于任何机构 / there is no such login, or its person is in no organization',
      );
    const record = eventRecorder(store, { nowMs: () => nowMs });
    if (values.factors === true) await takeFactorsOff(store, person, record);
    const { organization } = membership;
    const wanted = { organization, person: person.id, roles: [], note: '', hours, by: COMMAND_LINE };
    const link = await makeLink(store, wanted, nowMs);
    await record('reset-link-made', { person: person.id, organization }, { by: COMMAND_LINE });
    return link.token;
  });
  return showLink(token, hours);
}

/**
 * The old password goes first: without what stood beside it, it would open the account by itself until the link is
 * used. A crash leaves an account that opens less; the command again does the rest.
 */
async function takeFactorsOff(store: Store, { id, totp }: Person, record: RecordEvent): Promise<void> {
  const [who, by] = [{ person: id }, { by: COMMAND_LINE }];
  await store.setPassword(id, await hashRandom(randomPassword()));
  await store.endOtherSessions(id, undefined);
  if (totp !== undefined) {
    await store.setTotp(id, undefined);
    await record('totp-removed', who, by);
  }
  for (const passkey of await store.passkeysOf(id))
    if (await store.removePasskey(id, passkey.id)) await record('passkey-removed', who, by);
  await store.setRecoveryCodes(id, []);
}

async function organizationOf(store: Store, given: string): Promise<Organization> {
  // What the service records of itself: nobody acts for it.
  if (given === OPERATOR_ID)
    throw new UsageError(
      '该机构只属于服务自身的条目，没有人员 / this organization holds what the service records of itself, and nobody is in it',
    );
  await refuseUnknown(store, given);
  return (await store.organization(given))!;
}

function rolesIn(organization: Organization, given: string): readonly string[] {
  const roles = rolesFor(organization, given.split(','));
  if (roles === undefined) throw new UsageError(`--roles: ${ROLES_IN[organization.role].join(', ')}`);
  return roles;
}

function hoursIn(given: string | undefined): number {
  const { least, usual, most } = INVITATION_HOURS;
  const hours = given === undefined ? usual : Number(given);
  if (!(Number.isInteger(hours) && hours >= least && hours <= most))
    throw new UsageError(
      `--hours 应为 ${least} 至 ${most} 的整数 / is a whole number from ${least} to ${most}`,
    );
  return hours;
}

async function list(args: readonly string[]): Promise<number> {
  const [organization] = parse(args, {}).positionals;
  await withStore(async (store) => {
    if (organization !== undefined) await refuseUnknown(store, organization);
    const wanted = (await store.organizations()).filter(
      ({ id }) => organization === undefined || id === organization,
    );
    for (const { id } of wanted)
      for (const { person, roles, login, name } of await store.membersOf(id))
        process.stdout.write(
          `${person}  ${id}  ${roles.join(',')}  ${printable(login)}  ${printable(name)}\n`,
        );
  });
  return EXIT.valid;
}
