import { startSandboxApns } from './server.ts'

const sandbox = await startSandboxApns({ port: Number(process.env.SANDBOX_PORT ?? 7592) })
const { certificate, privateKey } = sandbox.authority.pushCertificate()
console.log(`A stand-in for Apple's push service (not Apple's) listens on ${sandbox.origin}`)
console.log('The authority that it and its push certificates are signed by:')
console.log(sandbox.authority.ca)
console.log('A push certificate, with its key:')
console.log(certificate + privateKey)
console.log('Stop it with Ctrl-C.')
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void sandbox.stop().then(() => process.exit(0)))
}
