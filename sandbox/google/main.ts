import { startSandboxGoogle } from './server.ts'

const sandbox = await startSandboxGoogle({ port: Number(process.env.SANDBOX_PORT ?? 7591) })
console.log(
  `A stand-in for Google's Android Management API (not Google's) listens on ${sandbox.origin}`,
)
console.log(`Its enterprise is ${sandbox.service.enterprise}. The key file of its service account:`)
console.log(sandbox.keyFile)
console.log('Stop it with Ctrl-C.')
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void sandbox.stop().then(() => process.exit(0)))
}
