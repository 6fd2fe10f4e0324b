/** pino's shape, as far as the rest needs it. Never holds keys, file content or personal identifiers. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
