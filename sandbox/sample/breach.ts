import { tmpdir } from 'node:os'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '#foundation/clock.ts'
import { createPage } from './page.ts'
import { startBreachStage } from './breach-stage.ts'
import { tellBreach } from './breach-story.ts'

/** `npm run sample:breach`: an incident from the first signal to the post-mortem, on a real database, in a temporary folder. */
const began = systemClock.elapsed()
const page = createPage((text) => process.stdout.write(text), process.stdout.isTTY)
const folder = await mkdtemp(join(tmpdir(), 'sluss-breach-'))
try {
  page.title(
    'Sluss: when it goes wrong. People are made up; mail relay and suite team are stand-ins.',
  )
  const stage = await startBreachStage(folder)
  try {
    await tellBreach(stage, page)
  } finally {
    await stage.stop()
  }
  page.note(`${((systemClock.elapsed() - began) / 1000).toFixed(1)} s from start to here`)
} finally {
  await rm(folder, { recursive: true, force: true })
}
