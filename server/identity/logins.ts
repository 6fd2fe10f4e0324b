/** What one signs in with: letters and digits of any script, and what stands in addresses of mail. */
const LOGIN = /^[\p{L}\p{M}\p{N}._@+-]{2,100}$/u;

/** One login has one form, however it was typed: NFKC takes full-width letters of Chinese keyboards for the usual ones. */
export const normalLogin = (given: string): string => given.trim().normalize('NFKC').toLowerCase();

export const isLogin = (login: string): boolean => LOGIN.test(login);
