import type { Endpoint } from '../endpoint.ts'
import { extractEndpoints } from './extracts.ts'
import { releaseEndpoints } from './releases.ts'
import { reportSettingsEndpoints } from './settings.ts'
import type { ReportEndpointParts } from './shapes.ts'

export type { ReportEndpointParts } from './shapes.ts'

/** Numbers on groups of devices, for people and for services such as a telemetry store. */
export function reportEndpoints(parts: ReportEndpointParts): readonly Endpoint[] {
  return [...releaseEndpoints(parts), ...reportSettingsEndpoints(parts), ...extractEndpoints(parts)]
}
