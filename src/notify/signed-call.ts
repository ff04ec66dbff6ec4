/** The channel of signed webhooks, for other rooms that tell somebody who is no account: face of `channels/webhook.ts`. */
export type { SendOutcome } from './channels/outcome.ts'
export { type WebhookCall, callWebhook, whyNotReceiver } from './channels/webhook.ts'
