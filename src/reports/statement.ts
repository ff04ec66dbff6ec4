import { DELTA_IN_BILLIONTHS, type NoisePlan, epsilonOfRho } from './noise.ts'
import type { ReportSettings } from './settings.ts'

/** What a release promises, in numbers. */
export type Guarantee =
  | { readonly kind: 'steps'; readonly groupSize: number }
  | {
      readonly kind: 'laplace' | 'gaussian'
      readonly groupSize: number
      readonly microEpsilon: number
      readonly microRho: number
      /** Scale of Laplace, variance of Gaussian noise. */
      readonly parameter: { readonly numerator: number; readonly denominator: number }
      readonly devicesOfAPerson: number
      readonly leastFound: number | null
    }

export function guaranteeOf({ groupSize }: ReportSettings, plan: NoisePlan | 'none'): Guarantee {
  if (plan === 'none') return { kind: 'steps', groupSize }
  return {
    kind: plan.kind,
    groupSize,
    microEpsilon: plan.microEpsilon,
    microRho: plan.microRho,
    parameter: plan.parameter,
    devicesOfAPerson: plan.bound,
    leastFound: plan.leastFound ?? null,
  }
}

export type Language = 'en' | 'sv'

/**
 * The guarantee in words and numbers.
 *
 * @param unit what is counted; a report on events counts entries of the ledger, not people
 */
export function statementOf(
  guarantee: Guarantee,
  unit: 'devices' | 'events',
  language: Language,
): string {
  return guarantee.kind === 'steps'
    ? STEPS[language](guarantee.groupSize, UNITS[language][unit])
    : NOISED[language](guarantee)
}

const UNITS = {
  en: { devices: ['devices', 'device'], events: ['events', 'event'] },
  sv: { devices: ['enheter', 'enhet'], events: ['händelser', 'händelse'] },
} as const

const STEPS = {
  en: (k: number, [many, one]: readonly [string, string]) =>
    `No group of fewer than ${k} ${many} is shown, and others are hidden so that no sum gives it back. Every number is a multiple of ${k}, less than ${k} from the true count and right on average; so is every difference of two reports. Its steps are secret and stay the same, so asking again says nothing new. One ${one} more or less moves a given number in one case of ${k}: who knows everything else may notice that, and only noise prevents it.`,
  sv: (k: number, [many, one]: readonly [string, string]) =>
    `Ingen grupp med färre än ${k} ${many} visas, och andra döljs så att ingen summa röjer den. Varje tal är en multipel av ${k}, mindre än ${k} från det sanna antalet och rätt i genomsnitt; detsamma gäller varje skillnad mellan två rapporter. Stegen är hemliga och förblir desamma, så en ny fråga säger inget nytt. En ${one} mer eller mindre ändrar ett visst tal i ett fall av ${k}: den som vet allt annat kan märka det, och bara brus hindrar det.`,
} as const

type Noised = Exclude<Guarantee, { kind: 'steps' }>

const NOISED = {
  en: (guarantee: Noised) =>
    `Each number has discrete ${guarantee.kind === 'laplace' ? 'Laplace' : 'Gaussian'} noise (${spread(guarantee, '.', { laplace: 'scale', gaussian: 'variance' })}), drawn once a day. ${loss(guarantee, '.', 'This release')} for a person with up to ${guarantee.devicesOfAPerson} devices: whether they are in it or not changes the chance of any answer only that much. Devices are not joined to people here, so a person with more devices is protected less. Numbers under ${guarantee.groupSize} are not shown.${guarantee.leastFound === null ? '' : ` A group is named from ${guarantee.leastFound} on; one that a single person makes is named with a chance of at most ${DELTA_IN_BILLIONTHS} in 1,000,000,000.`}`,
  sv: (guarantee: Noised) =>
    `Varje tal har diskret ${guarantee.kind === 'laplace' ? 'Laplace-brus' : 'gaussiskt brus'} (${spread(guarantee, ',', { laplace: 'skala', gaussian: 'varians' })}), draget en gång per dag. ${loss(guarantee, ',', 'Denna rapport')} för en person med upp till ${guarantee.devicesOfAPerson} enheter: om personen finns med eller inte ändrar sannolikheten för varje svar bara så mycket. Enheter kopplas inte till personer här, så en person med fler enheter skyddas mindre. Tal under ${guarantee.groupSize} visas inte.${guarantee.leastFound === null ? '' : ` En grupp nämns från och med ${guarantee.leastFound}; en som en enda person utgör nämns med en sannolikhet av högst ${DELTA_IN_BILLIONTHS} på 1 000 000 000.`}`,
} as const

function spread(
  { kind, parameter }: Noised,
  point: '.' | ',',
  names: Readonly<Record<Noised['kind'], string>>,
): string {
  const { numerator, denominator } = parameter
  return `${names[kind]} ${denominator === 1 ? numerator : `${numerator}/${denominator}`} ≈ ${decimal(numerator / denominator, 1, point)}`
}

function loss({ kind, microEpsilon, microRho }: Noised, point: '.' | ',', release: string): string {
  if (kind === 'laplace') return `${release}: ε = ${decimal(microEpsilon / 1e6, 6, point)}`
  return `${release}: ρ = ${decimal(microRho / 1e6, 6, point)} (ε ≈ ${decimal(epsilonOfRho(microRho), 2, point)}, δ = 10⁻⁹)`
}

function decimal(value: number, digits: number, point: '.' | ','): string {
  const text = value.toFixed(digits)
  return (digits > 2 ? text.replace(/0+$/, '').replace(/\.$/, '') : text).replace('.', point)
}
