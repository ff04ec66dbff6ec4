import { administratorsOf } from '#access/role-change.ts'
import { systemClock } from '#foundation/clock.ts'
import { silentLog } from '#foundation/log.ts'
import { type ErasePoint, eraseDue } from '#subjects/erase-due.ts'
import { compose } from '../../../src/compose.ts'
import { erasureParts } from '../../../src/node/erasure-jobs.ts'
import { personalDataHolders } from '../../../src/node/subject-rights.ts'
import { readSettings } from '../../../src/settings.ts'

/** A node that kills itself, without a word, the n-th time that it passes a point of an erasure. */
const [tenantId = '', point = '', passing = '1'] = process.argv.slice(2)
const node = await compose({
  settings: readSettings(process.env, true),
  clock: systemClock,
  log: silentLog,
})
let passed = 0
const by = { actor: 'job:erase-people', at: systemClock.now() }
await eraseDue(
  erasureParts(
    node,
    personalDataHolders({ keys: node.keys, administrators: administratorsOf }, systemClock.now),
  ),
  tenantId,
  by,
  (reached: ErasePoint) => {
    if (reached === point && ++passed === Number(passing)) process.kill(process.pid, 'SIGKILL')
  },
)
await node.stop()
