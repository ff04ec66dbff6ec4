import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { it } from 'node:test'
import { systemClock } from '#foundation/clock.ts'

const SCRIPT = join(import.meta.dirname, '..', '..', '..', 'sandbox', 'sample', 'breach.ts')

it('P13 the sample goes from a misused credential to the post-mortem, in under a minute, and tells nobody else', async () => {
  const began = systemClock.elapsed()
  const child = spawn(process.execPath, [SCRIPT], { stdio: ['ignore', 'pipe', 'pipe'] })
  const out: Buffer[] = []
  const faults: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => faults.push(chunk))
  const code = await new Promise((resolve) => child.on('close', resolve))
  const text = Buffer.concat(out).toString()
  assert.equal(code, 0, `${text}\n${Buffer.concat(faults).toString()}`)
  for (const line of [
    /firstReader/,
    /"customerIds":\["suite-east","suite-north"\]/,
    /mail +to privacy@south\.example\.org/,
    /"acknowledged":\["suite-north"\]/,
    /mail +to privacy@east\.example\.org/,
    /Our processor states in its notice: “Serial numbers and models/,
    /north +suite: acknowledged/,
    /east +suite: direct/,
    /# Post-mortem: Misused credential/,
    /west +nothing, in \d+ messages/,
  ])
    assert.match(text, line)
  assert.ok(systemClock.elapsed() - began < 60_000)
})
