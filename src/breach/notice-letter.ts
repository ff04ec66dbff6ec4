import { INSTALLATION } from '#database/handles.ts'
import { type Refusal, isRefusal, refuse } from '#foundation/refusal.ts'
import { acknowledgementCode, readDocument } from '#notify/document.ts'
import { asHtml, renderNotice } from '#notify/render.ts'
import { readNoticeSettings } from '#notify/settings.ts'
import type { Language } from '#notify/template.ts'
import { lockCopy } from './delivery/copy.table.ts'
import { readNotice } from './notice.table.ts'
import { type BreachParts, type By, byActor, record } from './parts.ts'

/**
 * The tenant's copy as a letter to be printed: what the mail says, word for word, with the code to acknowledge it. That
 * it was made is an entry in the tenant's log; how it was brought is for a person to say.
 *
 * @returns a whole HTML page that fetches nothing, or `notice_unknown` where the tenant has no copy
 */
export async function letterFor(
  { database, keys }: Pick<BreachParts, 'database' | 'keys'>,
  at: { readonly incidentId: string; readonly noticeId: string; readonly tenantId: string },
  language: Language,
  by: By,
): Promise<string | Refusal> {
  const { incidentId, noticeId, tenantId } = at
  const unknown = refuse('notice_unknown', { notice: noticeId })
  const notice = await database.read(INSTALLATION, (reader) => readNotice(reader, noticeId))
  if (notice?.incidentId !== incidentId) return unknown
  const page = await database.write(tenantId, async (tx) => {
    const copy = await lockCopy(tx, noticeId)
    const document = copy && (await readDocument(tx, keys, noticeId))
    if (!document) return unknown
    const { timeZone } = await readNoticeSettings(tx, keys)
    const about = { incidentId, documentId: noticeId }
    const code = await acknowledgementCode(tx, keys, noticeId)
    const template = `incident.${notice.kind}` as const
    const rendered = renderNotice({ template, about, tenantId, document, code }, language, timeZone)
    await record(tx, 'incident.step', byActor(by), {
      incident: incidentId,
      notice: noticeId,
      step: 'letter',
    })
    return asHtml(rendered, language)
  })
  if (isRefusal(page)) return page
  return page.replace(
    '</head>',
    '<style>@page{size:A4;margin:25mm}body{font-size:11pt;line-height:1.4}</style></head>',
  )
}
