/** The channel of signed webhooks, for other rooms that tell somebody who is no account: face of `channels/webhook.ts`. */
export { type WebhookCall, callWebhook, whyNotReceiver } from './channels/webhook.ts'
