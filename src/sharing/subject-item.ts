/** The item by which the subjects of a call are named in the ledger, unless its exchange says otherwise. */
export const SERIAL_NUMBER = 'device.serialNumber'
