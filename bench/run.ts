import { printResults } from './result.ts'

/** `npm run bench`: every benchmark, one after the other, as ratios with their spread. Names choose some. */
const ALL = [
  'cedar',
  'access',
  'revocation',
  'projection',
  'ledger',
  'gateway',
  'viewing',
  'ingest',
  'first-sync',
  'push',
  'scope',
  'reports',
  'notices',
  'access-request',
  'start',
] as const
const chosen = process.argv.slice(2)
for (const name of ALL.filter((one) => chosen.length === 0 || chosen.includes(one))) {
  console.log(`\n${name}`)
  const { run } = (await import(`./${name}.ts`)) as {
    run: () => Promise<Parameters<typeof printResults>[0]>
  }
  printResults(await run())
}
process.exit(0)
