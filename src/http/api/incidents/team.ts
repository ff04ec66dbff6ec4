import { z } from 'zod'
import { DUTIES, addPerson, removePerson } from '#breach/incidents.ts'
import { EXCEPTIONS, askPause, clearPause, endPause, readPauses } from '#breach/pauses.ts'
import { listPeople } from '#breach/people.ts'
import { readIncident } from '#breach/incident.table.ts'
import { publish } from '#breach/publish.ts'
import { INSTALLATION } from '#database/handles.ts'
import { toTimestamp } from '#foundation/clock.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { type Call, type Endpoint, changeEndpoint, listEndpoint } from '../endpoint.ts'
import { listInMemory } from '../odata/list-in-memory.ts'
import {
  BASE,
  CONFIRM,
  HANDLE,
  type IncidentEndpointParts,
  OPERATOR,
  PAGE,
  READ,
  both,
  byOf,
  numbered,
  reason,
  stamp,
} from './shapes.ts'

const made = z.object({ id: z.string() })

/** `security/incidents/{id}/people` and `/pauses`: who works on it, and what stops its clock. */
export function incidentTeamEndpoints(parts: IncidentEndpointParts): readonly Endpoint[] {
  return [...peopleEndpoints(parts), ...pauseEndpoints(parts)]
}

function peopleEndpoints({ breach }: IncidentEndpointParts): readonly Endpoint[] {
  const change = (
    name: 'addPersonTo' | 'removePersonFrom',
    summary: string,
    run: typeof addPerson,
  ): Endpoint =>
    changeEndpoint({
      id: `${name}Incident`,
      path: `${BASE}/{id}/${name === 'addPersonTo' ? 'addPerson' : 'removePerson'}`,
      method: 'POST',
      summary,
      realms: OPERATOR,
      permission: HANDLE,
      params: numbered,
      body: z.strictObject({ accountId: z.uuid(), duty: z.enum(DUTIES) }),
      answer: made,
      success: 200,
      change: async (call, { id }, body) => {
        const done = await run(breach, id, body, byOf(call))
        return isRefusal(done) ? done : { id: body.accountId }
      },
    })
  return [
    listEndpoint({
      id: 'listIncidentPeople',
      path: `${BASE}/{id}/people`,
      summary: 'Who works on it, and with which duty',
      realms: OPERATOR,
      permission: READ,
      params: numbered,
      answer: z.object({
        id: z.string(),
        accountId: z.string(),
        duty: z.enum(DUTIES),
        createdDateTime: z.string(),
      }),
      pageSize: PAGE,
      fields: { id: both, accountId: both, duty: both, createdDateTime: both },
      list: (_, { id }, query) =>
        breach.database.read(INSTALLATION, async (reader) => {
          if (!(await readIncident(reader, breach.keys, id))) return refuse('incident_unknown')
          const people = (await listPeople(reader, id)).map((one) => ({
            id: `${one.accountId}_${one.duty}`,
            accountId: one.accountId,
            duty: one.duty,
            createdDateTime: toTimestamp(one.addedAt),
          }))
          return listInMemory(people, 'id', query)
        }),
    }),
    change('addPersonTo', 'Gives somebody of the operator a duty in it', addPerson),
    change('removePersonFrom', 'Takes the duty away again', removePerson),
  ]
}

function pauseEndpoints({ breach }: IncidentEndpointParts): readonly Endpoint[] {
  const withPause = z.strictObject({ pauseId: z.uuid() })
  const act = (
    name: 'clear' | 'end',
    summary: string,
    permission: string,
    run: (call: Call, id: string, pauseId: string) => Promise<true | Refusal>,
  ): Endpoint =>
    changeEndpoint({
      id: `${name}PauseOfIncident`,
      path: `${BASE}/{id}/${name}Pause`,
      method: 'POST',
      summary,
      realms: OPERATOR,
      permission,
      ...(name === 'clear' ? { stepUp: true } : {}),
      params: numbered,
      body: withPause,
      answer: made,
      success: 200,
      change: async (call, { id }, { pauseId }) => {
        const done = await run(call, id, pauseId)
        if (isRefusal(done)) return done
        await publish(breach, id, call.now)
        return { id: pauseId }
      },
    })
  return [
    listEndpoint({
      id: 'listIncidentPauses',
      path: `${BASE}/{id}/pauses`,
      summary: 'Exceptions by which the clock stands still, asked and cleared',
      realms: OPERATOR,
      permission: READ,
      params: numbered,
      answer: z.object({
        id: z.string(),
        exception: z.enum(EXCEPTIONS),
        hours: z.int(),
        askedBy: z.string(),
        askedDateTime: z.string(),
        clearedBy: z.string().nullable(),
        fromDateTime: z.string().nullable(),
        untilDateTime: z.string().nullable(),
      }),
      pageSize: PAGE,
      fields: { id: both, exception: both, askedDateTime: both },
      list: (_, { id }, query) =>
        breach.database.read(INSTALLATION, async (reader) => {
          if (!(await readIncident(reader, breach.keys, id))) return refuse('incident_unknown')
          const pauses = (await readPauses(reader, id)).map((one) => ({
            id: one.pauseId,
            exception: one.exception,
            hours: one.hours,
            askedBy: one.askedBy,
            askedDateTime: toTimestamp(one.askedAt),
            clearedBy: one.cleared?.accountId ?? null,
            fromDateTime: stamp(one.cleared?.from),
            untilDateTime: stamp(one.cleared?.until),
          }))
          return listInMemory(pauses, 'id', query)
        }),
    }),
    changeEndpoint({
      id: 'askPauseOfIncident',
      path: `${BASE}/{id}/askPause`,
      method: 'POST',
      summary:
        'Asks for the clock to stand still, on a recorded exception; it goes on until cleared',
      realms: OPERATOR,
      permission: HANDLE,
      params: numbered,
      body: z.strictObject({
        exception: z.enum(EXCEPTIONS),
        hours: z.int().min(1).max(72),
        reason,
      }),
      answer: made,
      success: 201,
      change: async (call, { id }, body) => {
        const asked = await askPause(breach, id, body, byOf(call))
        return isRefusal(asked) ? asked : { id: asked }
      },
    }),
    act(
      'clear',
      'A second person clears the exception; the clock stands still',
      CONFIRM,
      (call, id, pauseId) => clearPause(breach, id, pauseId, byOf(call)),
    ),
    act('end', 'The clock goes on at once', HANDLE, (call, id, pauseId) =>
      endPause(breach, id, pauseId, byOf(call)),
    ),
  ]
}
