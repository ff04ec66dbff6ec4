import { type Database, INSTALLATION } from '#database/handles.ts'
import { record } from './parts.ts'

/** Notes in the installation's log which version starts on this node, so that a scope can begin from a version. */
export function recordNodeStart(database: Database, version: string, now: number): Promise<void> {
  const { nodeId: node } = database
  return database.write(INSTALLATION, (tx) =>
    record(tx, 'node', { actor: `node:${node}`, now }, { node, version }),
  )
}
