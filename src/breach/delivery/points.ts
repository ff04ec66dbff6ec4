/** Points of telling at which a test may stop the world. */
export const TELL_POINTS = ['begun', 'told', 'finished'] as const
export type TellPoint = (typeof TELL_POINTS)[number]
