import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { androidmanagement, auth } from '@googleapis/androidmanagement'
import { startGoogleNode } from './google-node.ts'

describe('Google’s own client through the gateway', () => {
  it('lists devices, changes a policy and sends a command, told nothing but another root URL and token', async () => {
    const t = await startGoogleNode()
    try {
      const credentials = new auth.OAuth2()
      credentials.setCredentials({ access_token: t.token })
      const rootUrl = `http://127.0.0.1:${t.gateway.port}/`
      const { enterprises } = androidmanagement({ version: 'v1', rootUrl, auth: credentials })
      const parent = t.google.service.enterprise
      const first = await enterprises.devices.list({ parent, pageSize: 2 })
      assert.equal(first.data.devices?.length, 2)
      const { nextPageToken: pageToken } = first.data
      const second = await enterprises.devices.list({
        parent,
        pageSize: 2,
        pageToken: pageToken ?? '',
      })
      assert.notEqual(second.data.devices?.[0]?.name, first.data.devices?.[0]?.name)
      const patched = await enterprises.policies.patch({
        name: `${parent}/policies/default`,
        requestBody: { cameraDisabled: true },
      })
      assert.equal(patched.data.version, '1')
      const name = first.data.devices?.[0]?.name ?? assert.fail('no name')
      const command = await enterprises.devices.issueCommand({
        name,
        requestBody: { type: 'LOCK' },
      })
      assert.match(command.data.name ?? '', /\/operations\//)
      await assert.rejects(
        enterprises.devices.issueCommand({ name, requestBody: { type: 'WIPE' } }),
        /needs an explicit approval/,
      )
      assert.ok(t.google.received.every((one) => !one.bytes.includes(t.token)))
    } finally {
      await t.stop()
    }
  })
})
