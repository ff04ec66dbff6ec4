import { run } from './run.ts'

/** `npm test`: every test there is; names of files to run only those. */
const chosen = process.argv.slice(2)
const all = ['src/**/*.test.ts', 'test/**/*.test.ts']
process.exit(
  await run(process.execPath, [
    '--test',
    '--test-concurrency=2',
    ...(chosen.length > 0 ? chosen : all),
  ]),
)
