import { startSandboxApple } from './server.ts'

const sandbox = await startSandboxApple({ port: Number(process.env.SANDBOX_PORT ?? 7590) })
console.log(
  `A stand-in for Apple's Device Enrollment service (not Apple's) listens on ${sandbox.origin}`,
)
console.log(
  `${sandbox.service.devices.length} synthetic devices. The token a client signs its session request with:`,
)
console.log(
  JSON.stringify({ ...sandbox.token, access_token_expiry: '2099-01-01T00:00:00Z' }, null, 2),
)
console.log('Stop it with Ctrl-C.')
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void sandbox.stop().then(() => process.exit(0)))
}
