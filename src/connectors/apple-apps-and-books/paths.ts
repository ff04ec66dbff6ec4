/** Where the services of version 2 are, below the party's origin. */
export const VERSION_2 = '/mdm/v2'
/** Where the legacy services are. */
export const LEGACY = '/mdm'
/** Where the address list of the legacy services was before. */
export const OLDER = '/WebObjects/MZFinance.woa/wa'
/** What an app is; on another host. */
export const LOOKUP = '/WebObjects/MZStorePlatform.woa/wa/lookup'
