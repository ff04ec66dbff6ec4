import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { manualClock } from '#foundation/clock.ts'
import type { PartyCall, SendResult, TransportFault } from '../exchange.ts'
import type { OpenGate } from '../gate.ts'
import type { Payload } from '../project-request.ts'
import { deliver } from './deliver.ts'

const ANSWER = { status: 200, headers: {}, body: Buffer.from('{}') }

/** A connector that keeps each call waiting for so long before each of its attempts. */
function delivering(waits: readonly number[], stands: () => Promise<boolean>, held = () => true) {
  const clock = manualClock()
  let left = 0
  const send = async ({ transport }: PartyCall): Promise<SendResult> => {
    for (const [i, wait] of waits.entries()) {
      clock.advance(wait)
      const request = { origin: '', method: 'GET', target: '/', headers: {}, body: undefined }
      try {
        await transport(request)
      } catch (fault) {
        const { code } = fault as TransportFault
        return { outcome: i === 0 ? 'unsent' : 'unknown', code, attempts: i + 1 }
      }
    }
    return { outcome: 'delivered', response: ANSWER, attempts: waits.length }
  }
  const parts = {
    clock,
    lease: { held } as Parameters<typeof deliver>[0]['lease'],
    transport: async () => {
      left++
      return ANSWER
    },
  }
  const decided = { connection: { origin: '' }, connector: { send } } as unknown as OpenGate
  const result = deliver(parts, { stands }, decided, {} as Payload)
  return { result, left: () => left }
}

describe('P5 a call that has to wait after its commit', () => {
  it('leaves at once without being asked about', async () => {
    const { result, left } = delivering([0], () => assert.fail('it did not wait'))
    assert.equal((await result).outcome, 'delivered')
    assert.equal(left(), 1)
  })

  it('leaves when what was decided still holds, and not when it does not', async () => {
    for (const holds of [true, false]) {
      const { result, left } = delivering([5_000], async () => holds)
      assert.equal((await result).outcome, holds ? 'delivered' : 'unsent')
      assert.equal(left(), holds ? 1 : 0)
    }
  })

  it('is not made a second time after a withdrawal', async () => {
    const { result, left } = delivering([0, 5_000], async () => false)
    assert.equal((await result).outcome, 'unknown')
    assert.equal(left(), 1)
  })

  it('does not leave from a node whose lease ended meanwhile', async () => {
    let isHeld = true
    const held = () => isHeld
    const run = delivering([300], async () => assert.fail('nobody is asked'), held)
    isHeld = false
    assert.equal((await run.result).outcome, 'unsent')
  })
})
