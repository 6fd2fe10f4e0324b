import process from 'node:process';
import { nodeSignatures } from '../adapters/signatures-node.ts';
import { keysCommand } from './keys.ts';
import { orgsCommand } from './orgs.ts';
import { EXIT, printable, UsageError } from './usage.ts';
import { verifyCommand } from './verify.ts';

const HELP = `可证 kezheng

  kezheng verify CERTIFICATE FILE... [--trust FILE] [--rpc URL [--confirmations N] | --block-hash HASH] [--json]
      核验证书与原件，不需要服务在运行 / check a certificate and its files; no service needed
      退出码 exit: 0 有效 valid, 1 无效 invalid, 2 尚不完整 incomplete, 64 用法 usage

  kezheng orgs add NAME [--role depositor|notary|court|operator] [--uscc CODE]
  kezheng orgs list
  kezheng keys create ORGANIZATION [--label TEXT] [--scopes evidence:write,evidence:read] [--expires DAYS]
  kezheng keys list [ORGANIZATION]
  kezheng keys revoke KEY
      机构与密钥；密钥只显示一次 / organizations and keys; a key is shown once
      数据目录 data: KEZHENG_DATA_DIR (./data)
`;

/** Thin on purpose: one command a file, and only this one ends the process. */
async function main(argv: readonly string[]): Promise<number> {
  const [command, ...args] = argv;
  if (command === 'verify') return verifyCommand(args, nodeSignatures);
  if (command === 'orgs') return orgsCommand(args);
  if (command === 'keys') return keysCommand(args);
  if (command === undefined || command === 'help' || command === '--help') {
    process.stdout.write(HELP);
    return command === undefined ? EXIT.usage : EXIT.valid;
  }
  throw new UsageError(`没有命令 ${command} / there is no command ${command}`);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const foreseen = error instanceof UsageError;
    process.stderr.write(
      `kezheng: ${foreseen ? `${printable(error.message)}\n\n${HELP}` : (error as Error).stack}\n`,
    );
    process.exitCode = foreseen ? EXIT.usage : 70;
  },
);
