import { startSandboxMail } from './server.ts'

const sandbox = await startSandboxMail({ port: Number(process.env.SANDBOX_PORT ?? 7591) })
console.log(
  `A stand-in mail relay listens on 127.0.0.1:${sandbox.port}; it keeps mail and sends none on.`,
)
console.log('Stop it with Ctrl-C.')
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void sandbox.stop().then(() => process.exit(0)))
}
