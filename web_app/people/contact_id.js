// What somebody typed, pasted or scanned, and the person or toy that it means.

const ID = /(?<![a-z0-9])[pt]_[a-z0-9]{1,40}(?![a-z0-9_])/;

/**
 * The id in an id, in a link of ours, or in a message around one; "" where there is none.
 * @param {string} text
 */
export const readContactId = (text) => ID.exec(text.toLowerCase())?.[0] ?? "";
