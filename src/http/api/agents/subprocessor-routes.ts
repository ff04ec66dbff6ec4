import { type Context, Hono } from 'hono'
import { agentsAt, newestVersion, readAgentChanges } from '#agreements/agent-log.ts'
import { type Database, INSTALLATION, type Reader } from '#database/handles.ts'
import { canonicalJson, type Json } from '#foundation/canonical-json.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { sha256Hex } from '#foundation/hashing.ts'
import { newId } from '#foundation/ids.ts'
import { findEntry, proveInclusion, readBundle, readHead } from '#ledger/read.ts'
import { unpackEntries } from '#ledger/verify/bundle.ts'
import { TILE_WIDTH } from '#ledger/verify/tile.ts'
import { problem } from '../../problem.ts'
import { describeDifference, readPoint } from './difference.ts'
import { describeAgent } from './shared.ts'

const PATH = '/trust/subprocessors'

/**
 * The published list of agents for everybody, without a sign-in. `?since=` takes a version or a date and adds the
 * difference. Each change names its entry, and `/trust/subprocessors/proof/<version>` holds that very entry with the
 * path from it to the log's signed checkpoint, so that whoever keeps a checkpoint can check that nothing was altered.
 */
export function subprocessorRoutes({ database }: { readonly database: Database }): Hono {
  const routes = new Hono()
  routes.get(PATH, async (context) => {
    const sinceText = context.req.query('since')
    const unknown = Object.keys(context.req.query()).some((name) => name !== 'since')
    const since = sinceText === undefined ? undefined : readPoint(sinceText)
    if (unknown || (sinceText !== undefined && !since)) {
      const message = 'since is a version of the list or a date, and there is no other parameter'
      return problem(context, 400, 'BadRequest', message, newId())
    }
    const changes = await database.read(INSTALLATION, readAgentChanges)
    const version = newestVersion(changes)
    return tagged(context, {
      version,
      lastModifiedDateTime: dateOf(changes.at(-1)?.at),
      value: [...agentsAt(changes, { version }).values()]
        .toSorted((a, b) => (a.partyId < b.partyId ? -1 : 1))
        .map(describeAgent),
      changes: changes.map((change) => ({
        version: change.version,
        id: change.partyId,
        change: change.change,
        dateTime: toTimestamp(change.at),
        entryId: change.entryId,
        proof: `${PATH}/proof/${change.version}`,
      })),
      ...(since ? { difference: describeDifference(changes, since) } : {}),
      log: {
        checkpoint: `/ledger/${INSTALLATION}/checkpoint`,
        verifierKey: `/ledger/${INSTALLATION}/verifier-key`,
      },
    })
  })
  routes.get(`${PATH}/proof/:version`, async (context) => {
    const text = context.req.param('version')
    const proof = /^[1-9]\d{0,14}$/.test(text)
      ? await database.read(INSTALLATION, (reader) => proofOf(reader, Number(text)))
      : undefined
    if (proof) return tagged(context, proof)
    const message = 'there is no such change, or its entry still waits for its place in the log'
    return problem(context, 404, 'ResourceNotFound', message, newId())
  })
  return routes
}

/** The entry of one change as it was hashed, and the RFC 6962 path to the newest checkpoint. */
async function proofOf(reader: Reader, version: number) {
  const change = (await readAgentChanges(reader)).find((one) => one.version === version)
  const head = await readHead(reader)
  const index = change && (await findEntry(reader, change.entryId))
  if (!head || index === undefined || index >= head.size) return undefined
  const bundle = await readBundle(reader, Math.floor(index / TILE_WIDTH), (index % TILE_WIDTH) + 1)
  const entry = bundle && unpackEntries(bundle).at(-1)
  if (!entry) return undefined
  const hashes = await proveInclusion(reader, index, head.size)
  return {
    version,
    index,
    /** The entry's own bytes, in base64: canonical JSON. */
    entry: entry.toString('base64'),
    hashes: hashes.map((hash) => Buffer.from(hash, 'latin1').toString('base64')),
    checkpoint: head.checkpoint,
  }
}

const dateOf = (time: number | undefined): string | null =>
  time === undefined ? null : toTimestamp(time)

/** The same answer has the same tag, and whoever has it is told only that. */
function tagged(context: Context, body: object): Response {
  const etag = `"${sha256Hex(canonicalJson(body as Json)).slice(0, 32)}"`
  const headers = { etag, 'cache-control': 'public, no-cache' }
  const held = (context.req.header('if-none-match') ?? '').split(',').map((one) => one.trim())
  const known = held.some((one) => one === '*' || one.replace(/^W\//, '') === etag)
  if (known) return context.body(null, 304, headers)
  return context.json(body, 200, headers)
}
