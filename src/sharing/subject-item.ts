/** The item by which the subjects of a call are named in the ledger, when no person is known for a device. */
export const APPLE_SUBJECT = 'device.serialNumber'
