import { startSandboxJamf } from './server.ts'

const sandbox = await startSandboxJamf({
  port: Number(process.env.SANDBOX_PORT ?? 7592),
  computers: Number(process.env.SANDBOX_COMPUTERS ?? 25),
  mobiles: Number(process.env.SANDBOX_MOBILES ?? 10),
  tokenLifeInSeconds: 300,
})
console.log(`A stand-in for a Jamf Pro server (not Jamf's) listens on ${sandbox.origin}`)
console.log('Its API client:')
console.log(JSON.stringify(sandbox.client))
console.log('Stop it with Ctrl-C.')
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void sandbox.stop().then(() => process.exit(0)))
}
