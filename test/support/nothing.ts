/** For the methods of a part that a test does not need. */
export const nothing = async (): Promise<void> => {};
