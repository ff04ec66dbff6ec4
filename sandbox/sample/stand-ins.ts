import { newWebhookSecret } from '#foundation/standard-webhooks.ts'
import type { ComposeOptions } from '../../src/compose.ts'
import type { Run } from '../../src/node/run.ts'
import { startSandboxApns } from '../apns/server.ts'
import { startSandboxPubSub } from '../google/pubsub.ts'
import { startSandboxGoogle } from '../google/server.ts'
import { startSandboxJamf } from '../jamf/server.ts'
import { startSandboxPartner } from '../partner/server.ts'

export const PUSHER = 'sluss-push@synthetic-project.iam.gserviceaccount.com'

/** Stand-ins for the parties beside Apple's Device Enrollment service; none of them is what it plays. */
export async function startStandIns(run: Run, endpoint: () => string) {
  const secret = newWebhookSecret()
  const start = <StandIn extends { stop(): Promise<void> }>(begin: () => Promise<StandIn>) =>
    run.start(begin, (standIn) => standIn.stop())
  const [apns, google, pubsub, jamf, partner] = await Promise.all([
    start(() => startSandboxApns()),
    start(() => startSandboxGoogle()),
    start(() => startSandboxPubSub({ endpoint, email: PUSHER })),
    start(() => startSandboxJamf()),
    start(() => startSandboxPartner({ signIn: { kind: 'standardWebhooks', secret } })),
  ])
  return { apns, google, pubsub, jamf, partner: { ...partner, secret } }
}

export type StandIns = Awaited<ReturnType<typeof startStandIns>>

/** What tells a node that its parties are these, and not the real ones. */
export function pointedAt({
  apns,
  google,
  pubsub,
}: StandIns): Pick<ComposeOptions, 'push' | 'googleTokenEndpoints' | 'googleIssuer'> {
  return {
    push: { ca: apns.authority.ca, destinations: [`127.0.0.1:${apns.port}`] },
    googleTokenEndpoints: [google.tokenEndpoint],
    googleIssuer: pubsub.issuer,
  }
}
