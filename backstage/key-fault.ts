// Why a key cannot be used.

/** The words are for the person who called. */
export class KeyFault extends Error {}
