import { startSandboxAppleApps } from './server.ts'

const sandbox = await startSandboxAppleApps({ port: Number(process.env.SANDBOX_PORT ?? 7592) })
console.log(`A stand-in for Apple's Apps and Books (not Apple's) listens on ${sandbox.origin}`)
console.log('Its content token, as the portal would hand it out:')
console.log(sandbox.tokenFile)
console.log('Stop it with Ctrl-C.')
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void sandbox.stop().then(() => process.exit(0)))
}
